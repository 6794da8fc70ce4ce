"""What a platform says under its own good signature and must not: malformed, of others, or undoing what was done."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from federation.acts import (
    POOL,
    ask,
    blocks,
    certified,
    has_mg,
    residents_of,
    sell_to_city,
    sound,
    use_in_city,
)
from federation.platforms import TODAY, Pair, Platform
from federation.test_recognition import has_tonnes, offered
from tanpuhui.federation.answer_ask import get_ask, open_asks
from tanpuhui.federation.inbox import last_taken
from tanpuhui.federation.key import own_keys, signing_key, state_of
from tanpuhui.federation.message import Message, read_message
from tanpuhui.federation.models import Draft, Incoming, Outgoing, PeerKey, Recognition
from tanpuhui.federation.peer import end_key, get_peer
from tanpuhui.federation.refusals import UnknownAsk
from tanpuhui.federation.signature import Answered, Sent, sign_request
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, organisation
from tanpuhui.registry.models import Lot
from tanpuhui.registry.pool import GatherOrder, Offer, deliver, gather
from tanpuhui.registry.units import Part, UnitOrder

pytestmark = pytest.mark.django_db
Said = dict[str, Any]
SHOP = organisation(901)


def next_message(sender: Platform, receiver: Platform, kind: str, subject: str, body: Said) -> Message:
    """The message that would follow what the receiver has."""
    with receiver.inside():
        last = last_taken(get_peer(sender.code))
    sequence, previous = (last.sequence + 1, last.id) if last else (1, "")
    return Message(2, sender.code, receiver.code, sequence, previous, kind, subject, TODAY, sender.now, body)


def put(pair: Pair, sender: Platform, receiver: Platform, content: bytes, name: str = "messages") -> Answered:
    """Send some bytes as the sender signs them."""
    sent = Sent("POST", f"{receiver.url}/api/federation/{name}", {}, content)
    with sender.inside():
        sign_request(sent, signing_key(sender.now), at=sender.now)
    return pair.wire.deliver(sent)


def say(pair: Pair, sender: Platform, kind: str, subject: str, body: Said) -> Said:
    """Say something to the other platform as the next message; gives the answer."""
    receiver = pair.city if sender is pair.district else pair.district
    message = next_message(sender, receiver, kind, subject, body)
    said: Said = json.loads(put(pair, sender, receiver, message.content()).content)
    return said


def code_of(said: Said) -> str:
    return str(said["code"] if "code" in said else said["refused"]["code"])


def sell_to_shop(lot: str, tonnes: int, district: Platform) -> None:
    """Residents give whole tonnes to a company of the district, through a pool."""
    offers = tuple(Offer(*row) for row in residents_of(lot))
    gather(GatherOrder("round-2", POOL, lot, tonnes * TONNE_MG, offers, TODAY), at=district.now)
    deliver(UnitOrder("round-2", POOL, (Part(lot, tonnes),), TODAY), to=SHOP, at=district.now)


def said_by(platform: Platform, kind: str) -> Message:
    """The first message of a kind that a platform said."""
    with platform.inside():
        row = Outgoing.objects.filter(kind=kind).order_by("sequence").first()
        assert row is not None
        return read_message(bytes(row.content))


def test_what_no_table_can_keep_is_refused_and_not_taken(pair: Pair) -> None:
    district, city = pair.district, pair.city
    whole = next_message(district, city, "asked", "s", {})
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    odd = [
        replace(whole, subject="a\0b").content(),
        replace(whole, kind="\0").content(),
        replace(whole, body={"operator": ["\0"]}).content(),
        replace(whole, body={"\0": 1}).content(),
        whole.content().replace(b'"body":{}', b'"body":' + deep),
        whole.content().replace(b'"made_at":"2026', b'"made_at":"0001').replace(b"+00:00", b"+14:00"),
        b"[" * 900_000,
        b"\xff",
    ]
    for content in odd:
        answered = put(pair, district, city, content)

        assert answered.status_code == 422, content[:80]
        assert code_of(json.loads(answered.content)) == "federation.bad_message"
    with city.inside():
        assert Incoming.objects.count() == 0


@pytest.mark.parametrize(
    "signature", ["é", "\0", "\ud800", "sig1=:é:", "sig1=:AA==:\0", "sig1=:AA==:", "", "("]
)
def test_a_request_whose_signature_is_none_gets_a_refusal_whoever_sends_it(
    pair: Pair, signature: str
) -> None:
    sent = Sent("GET", f"{pair.city.url}/api/federation/status?versions=2", {})
    with pair.district.inside():
        sign_request(sent, signing_key(pair.district.now), at=pair.district.now)
    sent.headers = {**sent.headers, "Signature": signature}

    answered = pair.wire.deliver(sent)

    assert answered.status_code == 401
    assert code_of(json.loads(answered.content)).startswith("federation.signature_")


@pytest.mark.parametrize("code", ["\ud800", "\0", "", "x" * 43, "x" * 5_000])
def test_a_code_that_nobody_gave_is_spent_whatever_is_in_it(pair: Pair, code: str) -> None:
    asked = json.dumps({"grant_type": "authorization_code", "code": code, "code_verifier": "x" * 43})

    answered = put(pair, pair.city, pair.district, asked.encode(), "token")

    expected = "federation.bad_message" if code == "\0" else "federation.link_code_spent"
    assert code_of(json.loads(answered.content)) == expected


def test_a_city_does_not_take_back_what_was_used(pair: Pair) -> None:
    lot = certified(pair)
    sell_to_city(pair, lot.code, 3)
    pair.settle()
    use_in_city(pair, lot.code, 2)
    pair.settle()
    moved = said_by(pair.city, "moved").body
    used = {**moved, "first": 1, "last": 1}
    before = blocks(pair.district, lot.code)
    assert before[0] == (1, 1, "retired")

    for state, company in (
        ("held", moved["company"]),
        ("held", None),
        ("retired", None),
        ("cancelled", moved["company"]),
    ):
        said = say(
            pair,
            pair.city,
            "moved",
            f"lie {state} {company}",
            {**used, "state": state, "company": company},
        )
        assert (said["outcome"], said["code"]) == ("refused", "registry.range_elsewhere")

    assert blocks(pair.district, lot.code) == before
    assert sound(pair.district)


def test_a_city_takes_nothing_out_of_hands_that_are_the_districts(pair: Pair) -> None:
    """Of four tonnes one is the city's company's; a company of the district has two that it did not sell on."""
    lot = certified(pair)
    sell_to_city(pair, lot.code, 1)
    pair.settle()
    pair.district.do(lambda: sell_to_shop(lot.code, 2, pair.district))
    before = blocks(pair.district, lot.code)
    body = {"lot": lot.code, "first": 2, "last": 3, "verb": "transfer", "state": "held", "company": None}

    said = say(pair, pair.city, "moved", "theft", {**body, "said": {}, "on": "2026-03-11T04:00:00+00:00"})

    assert code_of(said) == "federation.not_yet"
    assert blocks(pair.district, lot.code) == before
    with pair.district.inside():
        assert has_mg(SHOP, Kind.COMPANY, lot.code) == 2 * TONNE_MG


@pytest.mark.parametrize(
    ("code", "more"), [("SHANGHAI-000001", 0), ("SHANGHAI-000002", 0), ("SHANGHAI-000002", 4)]
)
def test_a_city_answers_an_ask_with_one_lot_and_one_range(pair: Pair, code: str, more: int) -> None:
    """The lot again changes nothing; another one under its numbers, or of what was shared out already, is refused."""
    lot = certified(pair)
    told = said_by(pair.city, "lot")
    body = {**told.body, "lot": code, "serial_first": lot.serial_first + more}
    again = next_message(pair.city, pair.district, "lot", told.subject, body)

    said = json.loads(put(pair, pair.city, pair.district, again.content()).content)

    assert said.get("outcome") == ("done" if code == lot.code else "refused"), said
    assert blocks(pair.district, lot.code) == [(1, 4, "open")]
    with pair.district.inside():
        assert list(Lot.objects.values_list("code", flat=True)) == [lot.code]
    assert sound(pair.district)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("through", "9999-12-31"),
        ("certified_at", "9999-12-31T23:59:59-14:00"),
        ("certified_at", "0001-01-01T00:00:00+14:00"),
        ("methodology", "without a version"),
        ("status", "x"),
    ],
)
def test_a_lot_with_a_field_that_is_none_is_refused(pair: Pair, field: str, value: str) -> None:
    certified(pair)
    body = said_by(pair.city, "lot").body

    said = say(pair, pair.city, "lot", "again", {**body, field: value})

    assert (said["outcome"], said["code"], said["facts"]["field"]) == (
        "refused",
        "federation.bad_message",
        field,
    )


def test_an_ask_is_named_by_its_message_so_that_none_stands_in_for_another(pair: Pair) -> None:
    """A peer chooses the subject of what it asks: the same one again, of more, is another ask."""
    ask(pair)
    pair.settle()
    asked = said_by(pair.district, "asked")
    more = say(pair, pair.district, "asked", asked.subject, {**asked.body, "tonnes": 4_000})
    assert more["outcome"] == "done"

    with pair.city.inside():
        assert {one["ask"]: one["tonnes"] for one in open_asks()} == {asked.id: 4, more["id"]: 4_000}
        assert get_ask(asked.id).pk == asked.id
        with pytest.raises(UnknownAsk):
            get_ask(asked.subject)


def test_a_district_cannot_fill_the_accounts_that_all_districts_share(pair: Pair) -> None:
    pair.settle()
    body = said_by(pair.district, "reductions").body
    amount = 10**15 + 1
    line = {**body["lines"][0], "credited_mg": amount}

    said = say(pair, pair.district, "reductions", "lie", {**body, "credited_mg": amount, "lines": [line]})

    assert (said["outcome"], said["code"], said["facts"]["field"]) == (
        "refused",
        "federation.bad_message",
        "credited_mg",
    )


def test_a_key_is_not_kept_alive_by_an_end_to_come(pair: Pair) -> None:
    """Whoever stole it says that it ends in a hundred years: it is over at once, and not only then."""
    pair.settle()
    with pair.district.inside():
        (key,) = own_keys()

    said = say(
        pair,
        pair.district,
        "key_ended",
        key.key_id,
        {"key_id": key.key_id, "ended_at": "2126-03-11T00:00:00+00:00"},
    )

    assert said["outcome"] == "done"
    pair.city.do(lambda: end_key(get_peer("pudong"), key.key_id, at=pair.city.now))
    with pair.city.inside():
        kept = PeerKey.objects.select_related("end").get(key_id=key.key_id)
        assert state_of(kept, pair.city.now) == "ended"


@pytest.mark.parametrize("days", [1, -1, 365, -365])
def test_a_neighbour_does_not_choose_the_year_whose_quota_counts(cities: Pair, days: int) -> None:
    lot = has_tonnes(cities.district, 20)
    offered(cities.district, "shanghai", lot, 10)
    cities.settle()
    first = said_by(cities.district, "recognise")
    subject = f"guangdong:{lot}:11-20"
    message = next_message(
        cities.district, cities.city, "recognise", subject, {**first.body, "first": 11, "last": 20}
    )
    other = replace(message, day=TODAY + timedelta(days=days))

    said = json.loads(put(cities, cities.district, cities.city, other.content()).content)

    if days > 0:
        assert code_of(said) == "federation.not_yet"
    else:
        assert said["facts"] == {"refused": "federation.bad_message"}
    with cities.city.inside():
        assert [one.lot for one in Recognition.objects.all()] == [lot]


@pytest.mark.parametrize(
    ("field", "value"), [("methodology", "rooftop"), ("status", "held"), ("through", "0001-01-01")]
)
def test_an_offer_with_a_field_that_is_none_is_refused(cities: Pair, field: str, value: str) -> None:
    lot = has_tonnes(cities.district, 20)
    offered(cities.district, "shanghai", lot, 10)
    with cities.district.inside():
        body = Draft.objects.get(kind="recognise").body

    said = say(
        cities,
        cities.district,
        "recognise",
        f"guangdong:{lot}:1-10",
        {**body, field: value},
    )

    assert (said["outcome"], said["code"]) == ("refused", "federation.bad_message")


def test_a_key_in_base64_is_one_of_32_bytes(pair: Pair) -> None:
    body = {"public_key": base64.b64encode(bytes(31)).decode(), "valid_from": "2026-03-11T00:00:00+00:00"}

    said = say(pair, pair.district, "key", "short", body)

    assert (said["outcome"], said["code"]) == ("refused", "federation.bad_peer")
