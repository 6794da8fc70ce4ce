"""What goes wrong between two platforms, and that both agree when it is over."""

from __future__ import annotations

from datetime import timedelta

import pytest

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
from federation.platforms import Pair
from tanpuhui.federation.key import own_keys, signing_key
from tanpuhui.federation.message import Message, read_message
from tanpuhui.federation.models import Evidence, Finding, Incoming, Outgoing, Receipt
from tanpuhui.federation.peer import get_peer, stop
from tanpuhui.federation.rotate import retire_key, rotate
from tanpuhui.federation.send import is_due
from tanpuhui.federation.signature import Sent, sign_request
from tanpuhui.registry.models import Lot, Reported

pytestmark = pytest.mark.django_db


def taken(pair: Pair) -> int:
    with pair.city.inside():
        return Incoming.objects.count()


def close_another_day(pair: Pair) -> None:
    with pair.district.inside():
        town = town_of(pair.district)
        town.take(*roofs({"a": 1_000_000}, DAYS[1]))
        town.close(DAYS[1])


def signed_by(pair: Pair, message: Message) -> Sent:
    """A message as Pudong would send it now."""
    sent = Sent("POST", f"{pair.city.url}/api/federation/messages", {}, message.content())
    with pair.district.inside():
        sign_request(sent, signing_key(pair.district.now), at=pair.district.now)
    return sent


def refusal(answered: object) -> str:
    import json

    from tanpuhui.federation.signature import Answered

    assert isinstance(answered, Answered)
    said = json.loads(answered.content)
    return str(said["refused"]["code"]) if "refused" in said else ""


def test_half_a_day_without_a_network_loses_nothing(pair: Pair) -> None:
    pair.wire.down = True
    for _ in range(12):
        sending = pair.send(pair.district)
        assert sending.why_not is not None
        assert sending.why_not["code"] == "federation.unreachable"
        pair.later(hours=1)
    close_another_day(pair)
    pair.wire.down = False

    pair.settle()

    assert taken(pair) == 2
    assert pair.agree()
    assert sound(pair.city)


def test_a_lost_answer_is_asked_for_again_and_counts_once(pair: Pair) -> None:
    """The status is answered, the answer to the message is lost; the message had its effect."""
    original = pair.wire.deliver

    def losing(sent: Sent) -> object:
        answered = original(sent)
        if sent.method == "POST" and not losing.done:  # type: ignore[attr-defined]
            losing.done = True  # type: ignore[attr-defined]
            from tanpuhui.federation.transport import NoAnswer

            raise NoAnswer("ReadTimeout")
        return answered

    losing.done = False  # type: ignore[attr-defined]
    pair.wire.deliver = losing  # type: ignore[method-assign, assignment]
    assert pair.send(pair.district).why_not is not None
    with pair.district.inside():
        assert not is_due(get_peer("shanghai"), at=pair.district.now)
        assert is_due(get_peer("shanghai"), at=pair.district.now + timedelta(seconds=15))

    pair.settle()

    with pair.city.inside():
        assert Reported.objects.count() == 1
    assert pair.agree()


def test_the_same_message_again_is_answered_the_same(pair: Pair) -> None:
    pair.settle()
    (post,) = pair.wire.posted()

    again = pair.wire.deliver(post)

    with pair.district.inside():
        first = bytes(Receipt.objects.get().content)
    assert again.status_code == 200
    assert again.content.replace(b'"again":true,', b"") == first
    assert taken(pair) == 1


def test_messages_out_of_order_wait_for_those_before(pair: Pair) -> None:
    pair.settle()
    with pair.district.inside():
        last = read_message(bytes(Outgoing.objects.get().content))
    second = Message(**{**vars(last), "sequence": 2, "previous": last.id, "kind": "nothing", "subject": "2"})
    third = Message(**{**vars(last), "sequence": 3, "previous": second.id, "kind": "nothing", "subject": "3"})

    assert refusal(pair.wire.deliver(signed_by(pair, third))) == "federation.gap"

    assert pair.wire.deliver(signed_by(pair, second)).status_code == 200
    assert pair.wire.deliver(signed_by(pair, third)).status_code == 200
    assert taken(pair) == 3


def test_another_message_under_a_used_number_is_refused_and_kept(pair: Pair) -> None:
    pair.settle()
    with pair.district.inside():
        said = read_message(bytes(Outgoing.objects.get().content))
    forged = Message(**{**vars(said), "body": {**said.body, "credited_mg": 1}})

    for _ in range(2):
        answered = pair.wire.deliver(signed_by(pair, forged))
        assert (answered.status_code, refusal(answered)) == (409, "federation.sequence_reused")

    with pair.city.inside():
        kept = Evidence.objects.get()
    assert (kept.message, bytes(kept.content)) == (forged.id, forged.content())
    assert pair.agree()


def test_a_chain_that_does_not_join_is_refused_and_kept(pair: Pair) -> None:
    pair.settle()
    with pair.district.inside():
        said = read_message(bytes(Outgoing.objects.get().content))
    stray = Message(**{**vars(said), "sequence": 2, "previous": "sha256:" + "0" * 64})

    assert refusal(pair.wire.deliver(signed_by(pair, stray))) == "federation.chain_broken"

    with pair.city.inside():
        assert Evidence.objects.get().code == "federation.chain_broken"


def test_an_altered_body_is_not_taken(pair: Pair) -> None:
    def alter(sent: Sent) -> Sent:
        content = sent.content.replace(b"4200000000", b"9200000000")
        return Sent(sent.method, sent.url, sent.headers, content)

    pair.wire.alter = alter
    sending = pair.send(pair.district)
    assert sending.why_not is not None
    assert "federation.digest_mismatch" in sending.why_not["message"]
    assert taken(pair) == 0

    pair.wire.alter = lambda sent: sent
    pair.settle()
    assert pair.agree()


def test_an_altered_answer_is_not_believed(pair: Pair) -> None:
    original = pair.wire.deliver

    def lie(sent: Sent) -> object:
        answered = original(sent)
        answered.content = answered.content.replace(b'"taken":0', b'"taken":9')
        return answered

    pair.wire.deliver = lie  # type: ignore[method-assign, assignment]
    sending = pair.send(pair.district)

    assert sending.why_not is not None
    assert sending.why_not["code"] == "federation.bad_answer"
    assert taken(pair) == 0


def test_a_key_that_nobody_gave_is_refused_until_it_is_given(pair: Pair) -> None:
    from federation.platforms import AT
    from tanpuhui.federation.key import new_key
    from tanpuhui.federation.peer import add_key, key_as_json

    made = pair.district.do(lambda: key_as_json(new_key(valid_from=AT)))
    sending = pair.send(pair.district)
    assert sending.why_not is not None
    assert sending.why_not["facts"]["refusal"] == "federation.unknown_key"

    pair.city.do(lambda: add_key(get_peer("pudong"), made["public_key"], valid_from=AT))
    pair.settle()
    assert pair.agree()


def test_a_key_is_followed_by_another_without_a_pause(pair: Pair) -> None:
    """The old one says the new one; both are in force for an hour; then the old one is over."""
    with pair.district.inside():
        (old,) = own_keys()
    starts = pair.district.now + timedelta(hours=1)
    pair.district.do(lambda: rotate(valid_from=starts, at=pair.district.now))
    pair.settle()
    pair.later(hours=2)
    pair.district.do(lambda: retire_key(old.key_id, ended_at=pair.district.now, at=pair.district.now))
    pair.settle()
    close_another_day(pair)
    pair.settle()

    assert taken(pair) == 4
    with pair.city.inside():
        by = [row.signed["headers"]["signature-input"] for row in Incoming.objects.order_by("sequence")]
    assert old.key_id in by[0]
    assert old.key_id not in by[-1]
    assert pair.agree()


def test_a_key_that_is_over_signs_nothing_any_more(pair: Pair) -> None:
    from tanpuhui.federation.peer import end_key

    with pair.district.inside():
        (old,) = own_keys()
    pair.city.do(lambda: end_key(get_peer("pudong"), old.key_id, at=pair.city.now))

    sending = pair.send(pair.district)

    assert sending.why_not is not None
    assert sending.why_not["facts"]["refusal"] == "federation.key_not_in_force"


def test_a_wrong_clock_is_told_and_when_it_is_right_everything_arrives(pair: Pair) -> None:
    pair.district.now += timedelta(minutes=6)
    sending = pair.send(pair.district)
    assert sending.why_not is not None
    assert "federation.clock_off" in sending.why_not["message"]
    assert taken(pair) == 0

    pair.district.now -= timedelta(minutes=6)
    pair.settle()
    assert pair.agree()


def test_a_peer_that_is_stopped_is_not_heard(pair: Pair) -> None:
    pair.city.do(lambda: stop("pudong", reason="The contract ended.", at=pair.city.now))

    sending = pair.send(pair.district)

    assert sending.why_not is not None
    assert sending.why_not["facts"]["refusal"] == "federation.peer_stopped"
    assert taken(pair) == 0


def test_without_a_common_version_both_are_named(pair: Pair) -> None:
    from tanpuhui.federation.models import Peer

    with pair.city.inside():
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE federation_peer DISABLE TRIGGER ALL")
        Peer.objects.update(versions=[1])
    with pair.district.inside():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE federation_peer DISABLE TRIGGER ALL")
        Peer.objects.update(versions=[2])

    sending = pair.send(pair.district)
    assert sending.why_not is not None
    assert sending.why_not["facts"]["refusal"] == "federation.no_common_version"

    with pair.district.inside():
        Peer.objects.update(versions=[1, 2])
    pair.settle()
    with pair.district.inside():
        assert read_message(bytes(Outgoing.objects.get().content)).version == 1
    assert pair.agree()


def test_a_city_that_went_back_gets_everything_again_and_certifies_the_same_lot(pair: Pair) -> None:
    ask(pair)
    pair.settle()
    backup = pair.city.backup()
    lot = certify(pair)
    pair.settle()
    sell_to_city(pair, lot.code, 3)
    pair.settle()
    use_in_city(pair, lot.code, 2)
    close_another_day(pair)
    pair.settle()
    before = blocks(pair.city, lot.code)

    pair.city.restore(backup)
    with pair.city.inside():
        assert not Lot.objects.exists()
        from tanpuhui.access.models import Organisation
        from tanpuhui.access.organise import organise

        organise(Organisation.COMPANY, "acme", name_zh="安可", name_en="Acme", at=pair.city.now)
    pair.settle()

    assert blocks(pair.city, lot.code) == before == blocks(pair.district, lot.code)
    with pair.city.inside():
        assert {one.what for one in Finding.objects.all()} == {"we_rolled_back"}
    with pair.district.inside():
        assert {one.what for one in Finding.objects.all()} == {"peer_rolled_back"}
    assert pair.agree()
    assert sound(pair.city)


def test_a_district_that_went_back_shares_the_same_lot_out_again(pair: Pair) -> None:
    backup = pair.district.backup()
    lot = certified(pair)
    close_another_day(pair)
    pair.settle()
    with pair.district.inside():
        before = residents_of(lot.code)

    pair.district.restore(backup)
    close_another_day(pair)
    pair.settle()

    with pair.district.inside():
        assert residents_of(lot.code) == before
        assert Outgoing.objects.filter(recovered=True).count() == 3
        assert Finding.objects.filter(what="we_rolled_back").exists()
    assert pair.agree()
    assert sound(pair.district)
    assert sound(pair.city)


def test_both_that_went_back_to_different_moments_agree_again(pair: Pair) -> None:
    """The district forgot all that it had said; the city what it certified, a transfer, and the second day."""
    of_district = pair.district.backup()
    ask(pair)
    pair.settle()
    of_city = pair.city.backup()
    lot = certify(pair)
    pair.settle()
    sell_to_city(pair, lot.code, 3)
    close_another_day(pair)
    pair.settle()

    pair.district.restore(of_district)
    pair.city.restore(of_city)
    close_another_day(pair)
    pair.settle()
    again = certify(pair)
    pair.settle()
    sell_to_city(pair, again.code, 2)
    pair.settle()

    assert again.code == lot.code
    assert blocks(pair.city, lot.code) == [(1, 2, "held"), (3, 4, "open")]
    assert blocks(pair.district, lot.code) == blocks(pair.city, lot.code)
    assert pair.agree()
    assert sound(pair.district)
    assert sound(pair.city)


def test_a_replay_of_everything_changes_nothing(pair: Pair) -> None:
    certified(pair)

    replayed = pair.send(pair.district, first=1)

    assert (replayed.done, replayed.refused, replayed.why_not) == (2, 0, None)
    assert taken(pair) == 2
    assert pair.agree()


def test_the_report_names_what_is_missing_and_what_differs(pair: Pair) -> None:
    """A superuser of the city takes one message out, and alters another one."""
    ask(pair)
    pair.settle()
    with pair.city.inside():
        from django.db import connection

        first, second = Incoming.objects.order_by("sequence")
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("DELETE FROM federation_incoming WHERE id = %s", [second.id])
            altered = bytes(first.content).replace(b"4200000000", b"4300000000")
            cursor.execute("UPDATE federation_incoming SET content = %s WHERE id = %s", [altered, first.id])
            cursor.execute("SET session_replication_role = origin")

    report = pair.report(pair.district)

    assert not report["agrees"]
    named = [(one["what"], one["id"], one["kind"]) for one in report["differences"]]
    assert named == [("differs", first.id, "reductions"), ("missing_there", second.id, "asked")]
    assert pair.report(pair.city)["differences"]


def test_what_waits_to_be_sent_is_a_difference_until_it_is_sent(pair: Pair) -> None:
    pair.settle()
    ask(pair)

    (waiting,) = pair.report(pair.district)["differences"]

    assert (waiting["what"], waiting["kind"]) == ("not_sent", "asked")
    pair.settle()
    assert pair.agree()


def test_a_peer_that_moved_is_found_at_its_new_address(pair: Pair) -> None:
    from tanpuhui.federation.peer import move

    pair.wire.platforms["new"] = pair.city
    pair.district.do(
        lambda: move("shanghai", "https://new.example", reason="It moved.", at=pair.district.now)
    )

    pair.settle()

    assert {sent.url.split("/")[2] for sent in pair.wire.heard if "pudong" not in sent.url} == {"new.example"}
    assert pair.agree()
