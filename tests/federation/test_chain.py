"""The whole way: reductions up, a lot down, tonnes sold to the city, and their use back to who made them."""

from __future__ import annotations

import base64
from uuid import uuid4

import pytest

from close.town import certified_mg, pending_mg
from federation.acts import (
    DAYS,
    ask,
    blocks,
    certified,
    certify,
    residents_of,
    roofs,
    sell_to_city,
    sound,
    town_of,
    use_in_city,
)
from federation.platforms import TODAY, Pair
from pooling.pond import AT as SOLD_AT
from pooling.pond import joined, opened, sold
from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import organise
from tanpuhui.close import erase
from tanpuhui.close.installation import places
from tanpuhui.consent.models import Resident
from tanpuhui.federation.answer_ask import refuse_ask
from tanpuhui.federation.message import read_message
from tanpuhui.federation.models import Incoming, Outgoing, Peer
from tanpuhui.federation.peer import PeerOrder, add_key, add_peer, city, enable, get_peer, holder_of, owner_of
from tanpuhui.federation.refusals import OpenAsk
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import organisation
from tanpuhui.methodology.load import load_library
from tanpuhui.pooling.models import Sale
from tanpuhui.pooling.pool import PoolOrder, open_pool
from tanpuhui.pooling.where_used import uses_of
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.cancel import cancel
from tanpuhui.registry.certify import Order
from tanpuhui.registry.certify import certify as certify_here
from tanpuhui.registry.claw_back import ClawBackOrder, claw_back
from tanpuhui.registry.lock import lock, retire_locked
from tanpuhui.registry.models import Lot, Movement, Reported
from tanpuhui.registry.refusals import CertifiedElsewhere, UsedInItsRegistry
from tanpuhui.registry.retire import retire
from tanpuhui.registry.transfer import transfer_units
from tanpuhui.registry.units import Part, UnitOrder

pytestmark = pytest.mark.django_db


def test_a_close_reaches_the_city_as_sums_and_says_nothing_of_anybody(pair: Pair) -> None:
    sending = pair.send(pair.district)

    assert (sending.done, sending.why_not) == (1, None)
    with pair.city.inside():
        row = Reported.objects.get()
        said = bytes(Incoming.objects.get().content).decode()
    assert (row.day, row.credited_mg) == (DAYS[0], 4_200_000_000)
    assert '"accounts":0' in said, "of three residents not even their number is said"
    body = read_message(said.encode()).body
    assert set(body) == {"of", "vintage", "manifest", "credited_mg", "activities", "lines"}
    (line,) = body["lines"]
    sums = {"methodology", "digest", "status", "credited_mg", "below_mg", "accounts", "shares"}
    assert set(line) == sums
    assert pair.agree()
    assert sound(pair.city)


def test_somebody_who_was_erased_before_a_close_was_said_keeps_nobody_else_from_the_city(pair: Pair) -> None:
    """The city was away since the close: of 4.2 t, the 2.1 t of who went are never said."""
    with pair.district.inside():
        at = pair.district.now
        account = Resident.objects.order_by("pk").values_list("pk", flat=True)[0]
        assert pending_mg(account) == 2_100_000_000
        prepared = erase.prepare(erase.Person(account, frozenset()), uuid4(), places(), at=at)
        erase.record(prepared)
        erase.finish(places())

    pair.settle()

    with pair.city.inside():
        assert [row.outcome for row in Incoming.objects.all()] == ["done"]
        assert Reported.objects.get().credited_mg == 2_100_000_000
    assert pair.agree()
    assert sound(pair.city)


def test_a_lot_is_certified_once_in_the_city_and_shared_to_the_milligram_in_the_district(pair: Pair) -> None:
    lot = certified(pair)

    assert (lot.code, lot.tonnes, lot.serial_first) == ("SHANGHAI-000001", 4, 1)
    with pair.district.inside():
        shares = [amount for _, amount in residents_of(lot.code)]
        here = Lot.objects.get()
    # 4.2 t pending as 2.1, 1.26 and 0.84: of 4 t a half, three tenths, a fifth.
    assert shares == [2_000_000_000, 1_200_000_000, 800_000_000]
    assert (here.serial_first, here.serial_last, here.jurisdiction) == (1, 4, "shanghai")
    with pair.city.inside():
        assert residents_of(lot.code) == [(owner_of(get_peer("pudong")), 4 * TONNE_MG)]
    assert pair.agree()
    assert sound(pair.city)
    assert sound(pair.district)


def test_what_a_city_certifies_its_district_does_not(pair: Pair) -> None:
    with pair.district.inside(), pytest.raises(CertifiedElsewhere):
        order = Order("shanghai/rooftop-pv", 1, 2026, DAYS[0], "Pudong", "Green Audit Ltd", pair.district.now)
        certify_here(
            order,
            places=town_of(pair.district).places,
            jurisdiction=load_jurisdiction("pudong"),
            library=load_library(),
        )


def test_a_refused_ask_gives_everybody_back_what_was_set_aside(pair: Pair) -> None:
    asked = ask(pair)
    with pair.district.inside():
        account = Resident.objects.order_by("pk").values_list("pk", flat=True)[0]
        assert pending_mg(account) == 100_000_000, "2.1 t less the share of 2 t that is set aside"
    with pytest.raises(OpenAsk):
        ask(pair)
    pair.settle()

    pair.city.do(lambda: refuse_ask(asked.subject, reason="The statement is missing.", at=pair.city.now))
    pair.settle()

    with pair.district.inside():
        assert pending_mg(account) == 2_100_000_000
    assert ask(pair).tonnes == 4


def test_a_use_in_the_city_comes_back_to_those_who_made_it(pair: Pair) -> None:
    lot = certified(pair)
    sell_to_city(pair, lot.code, 3)
    pair.settle()
    use_in_city(pair, lot.code, 2)
    pair.settle()

    assert blocks(pair.city, lot.code) == [(1, 1, "retired"), (2, 2, "held"), (3, 3, "held"), (4, 4, "open")]
    assert blocks(pair.district, lot.code) == blocks(pair.city, lot.code)
    with pair.district.inside():
        used = Movement.objects.filter(to_state="retired").get()
    assert (used.first, used.last, used.said["purpose"]) == (1, 1, "surrender")
    assert pair.agree()
    assert sound(pair.city)
    assert sound(pair.district)


def test_tonnes_that_the_city_keeps_are_not_used_in_the_district(pair: Pair) -> None:
    """Neither those that a company of the district bought there, nor those that the city has."""
    lot = certified(pair)
    sell_to_city(pair, lot.code, 3)
    pair.settle()

    with pair.district.inside():
        acme = organise(Organisation.COMPANY, "acme", name_zh="安可", name_en="Acme", at=pair.district.now)
        peer = city()
        assert peer is not None
        transfer_units(
            UnitOrder("to-acme", holder_of(peer), (Part(lot.code, 1),), TODAY),
            to=organisation(acme.pk),
            at=pair.district.now,
        )
        said = {"beneficiary": "Acme", "purpose": "surrender", "year": "2026", "reason": "spilt"}
        for owner in (organisation(acme.pk), holder_of(peer)):
            order = UnitOrder(f"use-{owner}", owner, (Part(lot.code, 1),), TODAY, said)
            locked = lock(order, at=pair.district.now)
            for use in (
                lambda locked=locked, order=order: retire_locked(locked.hold, order, at=pair.district.now),
                lambda order=order: retire(order, at=pair.district.now),
                lambda order=order: cancel(order, at=pair.district.now),
            ):
                with pytest.raises(UsedInItsRegistry) as refused:
                    use()
                assert refused.value.facts == {"lot": lot.code, "registry": "shanghai"}
    assert {state for _, _, state in blocks(pair.city, lot.code)} == {"held", "open"}


def test_a_tonne_that_left_the_citys_company_in_the_districts_books_is_named(pair: Pair) -> None:
    """The city has three; the district gave one of them to somebody else."""
    lot = certified(pair)
    sell_to_city(pair, lot.code, 3)
    pair.settle()
    assert pair.agree()

    def verb() -> None:
        acme = organise(Organisation.COMPANY, "acme", name_zh="安可", name_en="Acme", at=pair.district.now)
        order = UnitOrder("to-acme", holder_of(get_peer("shanghai")), (Part(lot.code, 1),), TODAY)
        transfer_units(order, to=organisation(acme.pk), at=pair.district.now)

    pair.district.do(verb)
    pair.settle()

    found = pair.report(pair.district)["differences"]
    assert {"what": "standing", "name": f"lot:{lot.code}:held_t", "here": 2, "there": 3} in found


def test_a_district_neither_annuls_nor_offers_nor_pays_from_its_buffer_what_its_city_keeps(
    pair: Pair,
) -> None:
    from tanpuhui.federation.recognition import offer
    from tanpuhui.registry.annul import annul
    from tanpuhui.registry.buffer import BufferOrder, pay_from_buffer

    lot = certified(pair)
    sell_to_city(pair, lot.code, 3)
    pair.settle()

    with pair.district.inside():
        at = pair.district.now
        peer = get_peer("shanghai")
        wanted = PeerOrder(
            code="guangdong",
            role=Peer.NEIGHBOUR,
            url="https://g.example",
            contract="Agreement 8",
            name_zh="广东",
            name_en="Guangdong",
        )
        add_key(add_peer(wanted, at=at), base64.b64encode(b"g" * 32).decode(), valid_from=at)
        enable("guangdong", reason="Agreement 8", at=at)
        order = UnitOrder("offer-1", holder_of(peer), (Part(lot.code, 1),), TODAY)
        for use in (
            lambda: annul(lot.code, reason="The meter was broken.", at=at),
            lambda: offer("guangdong", order, library=load_library(), home="pudong", at=at),
            lambda: pay_from_buffer(BufferOrder("b1", lot.code, 1, TODAY), reason="reversed", at=at),
        ):
            with pytest.raises(UsedInItsRegistry):
                use()
    assert pair.agree()


def test_a_day_that_is_closed_again_changes_the_city_by_the_difference(pair: Pair) -> None:
    pair.settle()
    with pair.district.inside():
        town = town_of(pair.district)
        town.take(*roofs({"a": 1_000_000}, DAYS[1]))
        town.close(DAYS[1])
        town.take(*roofs({"b": 2_000_000}, DAYS[1]))
        town.close(DAYS[1])
    pair.settle()

    with pair.city.inside():
        days = list(Reported.objects.order_by("id").values_list("day", "credited_mg"))
    # 0.42 t of a, then 0.84 t of b with it.
    assert days == [(DAYS[0], 4_200_000_000), (DAYS[1], 1_260_000_000)]
    assert pair.agree()
    assert sound(pair.city)


def test_what_a_district_claws_back_is_cancelled_in_the_city_too(pair: Pair) -> None:
    lot = certified(pair)
    with pair.district.inside():
        account, before = residents_of(lot.code)[0]

    order = ClawBackOrder("fraud-1", account, lot.code, 500_000_000, TODAY)
    pair.district.do(lambda: claw_back(order, at=pair.district.now))
    pair.settle()

    with pair.district.inside():
        assert certified_mg(account) == before - 500_000_000
    with pair.city.inside():
        assert residents_of(lot.code)[0][1] == 3_500_000_000
    assert pair.agree()
    assert sound(pair.city)


def test_an_annulled_lot_is_annulled_on_both_sides(pair: Pair) -> None:
    from tanpuhui.registry.annul import annul

    lot = certified(pair)

    pair.city.do(lambda: annul(lot.code, reason="The meter was broken.", at=pair.city.now))
    pair.settle()

    assert blocks(pair.district, lot.code) == [(1, 4, "cancelled")]
    assert pair.agree()
    assert sound(pair.city)
    assert sound(pair.district)


def test_more_than_was_reported_is_not_certified(pair: Pair) -> None:
    """The city's own books decide, whatever the district asks for."""
    from tanpuhui.federation.answer_ask import certify_ask
    from tanpuhui.federation.outbox import say
    from tanpuhui.registry.refusals import NotSoMuchReported

    body = {
        "methodology": "shanghai/rooftop-pv",
        "version": 1,
        "vintage": 2026,
        "through": DAYS[0].isoformat(),
        "tonnes": 5,
        "operator": "Pudong",
        "verifier": "Green Audit Ltd",
    }
    pair.district.do(lambda: say(get_peer("shanghai"), "asked", "too-much", body, at=pair.district.now))
    pair.settle()

    with pair.city.inside(), pytest.raises(NotSoMuchReported):
        certify_ask(
            "too-much",
            operator="Shanghai registry",
            jurisdiction=load_jurisdiction("shanghai"),
            library=load_library(),
            at=pair.city.now,
        )
    with pair.city.inside():
        assert not Lot.objects.exists()
        assert not Outgoing.objects.exists()


def test_each_certify_is_answered_as_before(pair: Pair) -> None:
    ask(pair)
    pair.settle()
    with pair.city.inside():
        subject = Incoming.objects.get(kind="asked").subject
    first = certify(pair)

    from tanpuhui.federation.answer_ask import certify_ask

    again = pair.city.do(
        lambda: certify_ask(
            subject,
            operator="Shanghai registry",
            jurisdiction=load_jurisdiction("shanghai"),
            library=load_library(),
            at=pair.city.now,
        )
    )

    assert again == first


def test_a_pool_sells_to_the_city_and_its_residents_read_who_used_their_share(pair: Pair) -> None:
    """The product's own pool: terms, a round, a sale with money; then the city's company, and what it did."""
    lot = certified(pair)

    def verb() -> Sale:
        organise(Organisation.COMPANY, "city_pool", name_zh="减排量池", name_en="City pool", at=SOLD_AT)
        pool = open_pool(PoolOrder("city_pool"), load_jurisdiction("pudong"), at=SOLD_AT)
        for account, _ in residents_of(lot.code):
            joined(pool, account)
        peer = city()
        assert peer is not None
        return sold(opened(pool, lot.code, 3), peer.organisation, 2)

    sale: Sale = pair.district.do(verb)
    pair.settle()
    assert blocks(pair.city, lot.code) == [(1, 2, "held"), (3, 4, "open")]
    assert pair.agree(), "what the round still has is open to the city"

    use_in_city(pair, lot.code, 2)
    pair.settle()

    with pair.district.inside():
        uses = uses_of([sale])[sale.pk]
        said = [
            (one.first, one.last, one.state, one.company.code if one.company else "", dict(one.said))
            for one in uses
        ]
    used = {"purpose": "surrender", "year": "2026", "beneficiary": "Acme"}
    assert said == [(1, 1, "retired", "shanghai-acme", used), (2, 2, "held", "shanghai-acme", {})]
    assert uses[0].is_surrendered
    assert pair.agree()
