"""A verification from engagement to statement: its order, repeats and limits, and what the registry makes of it."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pgtrigger
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import DatabaseError, connection, transaction

from close.town import PV_MG_PER_WH, Town, act, metro
from tanpuhui.access.membership import join
from tanpuhui.access.models import AuditEntry, Membership, Organisation, User
from tanpuhui.access.organise import organise
from tanpuhui.close.standing import standing_with
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.quantify.rule_tables import FOREVER, Rule
from tanpuhui.registry.certify import Order, certify
from tanpuhui.registry.models import Lot
from tanpuhui.verification.conclude import conclude, conclusion_of, statement_text
from tanpuhui.verification.data import acts_of
from tanpuhui.verification.declare import declaration_text, declare
from tanpuhui.verification.draw import drawn_acts
from tanpuhui.verification.earlier import earlier
from tanpuhui.verification.engage import data_digest, manifests_of
from tanpuhui.verification.examine import Found, examine
from tanpuhui.verification.finding import raise_finding, step
from tanpuhui.verification.invariants import check
from tanpuhui.verification.key import DECLARATION, STATEMENT, sign
from tanpuhui.verification.keys import register_key
from tanpuhui.verification.look import look
from tanpuhui.verification.models import (
    Declaration,
    Draw,
    Engagement,
    Examination,
    FindingStep,
    Plan,
    SampledAct,
    Statement,
    StatementOf,
    VerifierKey,
)
from tanpuhui.verification.stands import is_stricter, standing
from unjudged import judge_now
from verification.desk import AT, FIRST, METHODOLOGY, NONCE, PLATFORM_NONCE, SECOND, VERIFIER, Desk, open_desk

#: 100 kWh to 2,400 kWh: 300 times 100 kWh, at 0.42 kg.
ALL_MG = 300 * 100_000 * PV_MG_PER_WH
ORDER = Order(
    methodology=METHODOLOGY,
    version=1,
    vintage=2026,
    through=SECOND,
    operator="platform operator",
    verifier="Green Audit Ltd",
    at=AT + timedelta(days=1),
)


def certified(desk: Desk, *, required: bool = False, **others: Any) -> Lot:
    content = {"required": required, "materiality_percent": "5"}
    rule = Rule(date(2010, 1, 1), FOREVER, "illustrative", "this test", content)
    rules = replace(desk.town.jurisdiction, verifications=(rule,))
    with transaction.atomic():
        return certify(
            replace(ORDER, **others), places=desk.town.places, jurisdiction=rules, library=desk.town.library
        )


def code_of(does: Any, *given: Any, **named: Any) -> str:
    """The code of the refusal that a call ends in."""
    with pytest.raises(Refusal) as caught, transaction.atomic():
        does(*given, **named)
    return caught.value.code


def refused_by_database(statement: str, match: str) -> None:
    with pytest.raises(DatabaseError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_lot_in_which_everything_agrees_is_accepted_and_certified(desk: Desk) -> None:
    engagement = desk.drawn(precision="95/5")
    desk.examine(engagement)

    statement = desk.conclude(engagement)

    # 24 acts: 1,536.64 * 24 / (1,536.64 + 23) = 23.6, so that all are looked at and nothing is left to chance.
    assert engagement.plan.size == 24
    assert statement.population_mg == ALL_MG
    assert (statement.conclusion, statement.deducted_mg) == ("accept", 0)
    assert certified(desk, required=True).tonnes == ALL_MG // TONNE_MG == 12


def test_where_the_rule_asks_for_a_statement_none_is_no_lot(desk: Desk) -> None:
    assert code_of(certified, desk, required=True) == "registry.verification_missing"
    assert certified(desk).tonnes == 12


def test_an_overstated_lot_is_refused_and_after_the_correction_accepted(desk: Desk) -> None:
    engagement = desk.drawn(precision="95/5")
    largest = SampledAct.objects.order_by("-credited_mg").first()
    assert largest is not None
    desk.examine(engagement, {largest.record_id: 0})

    statement = desk.conclude(engagement)

    # 2,400 of 30,000 kWh never were: 8 %, above 5 %.
    assert (statement.conclusion, statement.deducted_mg) == ("refuse", 0)
    assert code_of(certified, desk) == "registry.verification_refused"

    desk.town.take(
        {"source_id": "pv24", "person": "d", "kind": "rooftop_pv_output", "action": "retract", "revision": 1}
        | {"started_at": "2026-03-03T12:00:00+08:00", "ended_at": "2026-03-03T12:30:00+08:00"}
    )
    assert code_of(certified, desk) == "registry.closes_behind"
    for day in (FIRST, SECOND):
        desk.town.close(day)
    # The first day has the acts that were refused, in another close; of the second nobody has said anything.
    assert code_of(certified, desk) == "registry.verification_refused"
    again = desk.engage(key="after the correction")
    assert len(again.manifests) == 2
    desk.declare(again)
    desk.recalculate(again)
    desk.complete(again)
    desk.plan(again, precision="95/5")
    desk.draw(again)
    desk.examine(again)
    assert desk.conclude(again).conclusion == "accept"
    assert certified(desk, required=True).tonnes == (ALL_MG - 2_400_000 * PV_MG_PER_WH) // TONNE_MG == 11


def test_what_is_not_looked_at_lowers_the_lot_by_its_upper_bound_and_the_rest_stays_pending(
    desk: Desk,
) -> None:
    engagement = desk.drawn()
    assert engagement.plan.size < 24
    smallest = SampledAct.objects.order_by("credited_mg").first()
    assert smallest is not None
    desk.examine(engagement, {smallest.record_id: smallest.credited_mg - 1_000_000})

    statement = desk.conclude(engagement)

    found = conclusion_of_signed(statement)
    assert statement.conclusion == "adjust"
    assert statement.deducted_mg == found["upper_mg"] > ALL_MG // 20 >= found["estimate_mg"] >= 1
    lot = certified(desk, required=True)
    assert lot.tonnes == (ALL_MG - statement.deducted_mg) // TONNE_MG < 12
    assert code_of(certified, desk, at=ORDER.at + timedelta(days=1)) == "registry.less_than_a_tonne"


def test_a_second_look_at_the_same_data_does_not_undo_what_the_first_took_off(desk: Desk) -> None:
    first = desk.drawn()
    smallest = SampledAct.objects.order_by("credited_mg").first()
    assert smallest is not None
    desk.examine(first, {smallest.record_id: smallest.credited_mg - 1_000_000})
    lowered = desk.conclude(first)
    assert lowered.conclusion == "adjust"
    other = another_desk(desk)
    again = other.drawn(precision="95/5", key="milder", whole=True)
    other.examine(again)
    assert other.conclude(again).conclusion == "accept"

    found = standing(again.methodology, again.manifests)

    assert found.statements == (lowered,)
    lot = certified(desk, required=True)
    assert lot.tonnes == (ALL_MG - lowered.deducted_mg) // TONNE_MG < 12


def test_a_second_look_that_finds_more_takes_more_off_and_a_change_of_the_data_begins_anew(
    desk: Desk,
) -> None:
    first = desk.drawn(precision="95/5")
    desk.examine(first)
    assert desk.conclude(first).conclusion == "accept"
    again = desk.drawn(precision="95/5", key="stricter", whole=True)
    desk.examine(again, {act_of(24).record_id: 0})
    refused = desk.conclude(again)
    assert standing(again.methodology, again.manifests).refused == tuple(again.manifests)

    retracted(desk, 24)
    third = desk.drawn(precision="95/5", key="corrected", whole=True)
    desk.examine(third)
    accepted = desk.conclude(third)

    assert refused.conclusion == "refuse"
    assert set(third.manifests) & set(again.manifests)
    assert standing(third.methodology, third.manifests).statements == (accepted,)


def act_of(place: int) -> SampledAct:
    """The act of so many times 100 kWh: 1 to 12 on the first day, 13 to 24 on the second."""
    return SampledAct.objects.filter(credited_mg=place * 100_000 * PV_MG_PER_WH).latest("pk")


def retracted(desk: Desk, place: int) -> None:
    """An act taken back, and its day closed again."""
    number = (place - 1) % 12
    day, hour = (FIRST, SECOND)[place > 12], (6, 9, 12)[number % 3]
    desk.town.take(
        {"source_id": f"pv{place}", "person": "abcd"[number // 3], "kind": "rooftop_pv_output"}
        | {"action": "retract", "revision": 1}
        | {"started_at": f"{day}T{hour:02}:00:00+08:00", "ended_at": f"{day}T{hour:02}:30:00+08:00"}
    )
    desk.town.close(day)


def one_watt_hour_less(desk: Desk) -> None:
    """The last act of the second day, 2,400 kWh, corrected: 420 mg less."""
    desk.town.take(
        act("rooftop_pv_output", "pv24", "d", day=SECOND, hour=12, energy_wh=2_399_999, revision=1)
    )
    for day in (FIRST, SECOND):
        desk.town.close(day)


def test_a_statement_stands_while_its_own_acts_are_the_same_whatever_else_of_the_day_is_closed_again(
    desk: Desk,
) -> None:
    """A metro trip that came late is of another methodology; a corrected watt-hour is of the statement's own."""
    engagement = desk.drawn(precision="95/5")
    desk.examine(engagement)
    statement = desk.conclude(engagement)

    desk.town.take(metro("late", "a", 9_000, day=SECOND))
    desk.town.close(SECOND)

    stands = [one.digest for one in standing_with(METHODOLOGY, 1, first=FIRST, through=SECOND)]
    assert stands[0] == engagement.manifests[0] and stands[1] != engagement.manifests[1]
    found = standing(engagement.methodology, stands)
    assert (found.missing, found.statements) == ((), (statement,))
    assert code_of(desk.engage, key="again") == "verification.nothing_to_verify"
    whole = desk.engage(key="whole", whole=True)
    assert whole.manifests == stands and whole.acts == engagement.acts

    one_watt_hour_less(desk)

    stands = [one.digest for one in standing_with(METHODOLOGY, 1, first=FIRST, through=SECOND)]
    assert standing(engagement.methodology, stands).missing == (stands[1],)
    assert code_of(certified, desk, required=True) == "registry.verification_missing"
    assert desk.engage(key="the changed day").manifests == [stands[1]]


def test_a_lot_is_certified_by_a_statement_about_the_same_acts_in_an_earlier_close(desk: Desk) -> None:
    engagement = desk.drawn(precision="95/5")
    desk.examine(engagement)
    desk.conclude(engagement)
    desk.town.take(metro("late", "a", 9_000, day=SECOND))
    desk.town.close(SECOND)

    assert certified(desk, required=True).tonnes == ALL_MG // TONNE_MG == 12


def test_what_was_refused_stays_so_while_another_methodologys_rows_are_closed_again(desk: Desk) -> None:
    """And a sample that is under way is the only one, of the same acts in a later close too."""
    opened_before = desk.engage(key="opened before")
    desk.declare(opened_before)
    first = desk.drawn(precision="95/5")
    desk.town.take(metro("late", "a", 9_000, day=FIRST), metro("later", "a", 9_000, day=SECOND))
    for day in (FIRST, SECOND):
        desk.town.close(day)
    other = another_desk(desk)

    assert code_of(other.engage, key="meanwhile") == "verification.engagement_unfinished"
    with pgtrigger.ignore("verification.Engagement:append_only"):
        Engagement.objects.filter(pk=opened_before.pk).update(manifests=["sha256:of-the-later-closes"])
    refused_by_database(
        "INSERT INTO verification_plan (engagement_id, nonce_digest, platform_nonce, data_digest, body, digest, size, "
        f"committed_at) VALUES ({opened_before.pk}, 'x', 'y', 'z', '{{}}', 'd', 1, now())",
        f"engagement {first.pk} has a plan over the same closes and no statement",
    )
    desk.examine(first, {act_of(24).record_id: act_of(24).credited_mg - PV_MG_PER_WH})
    assert desk.conclude(first, conclusion="refuse").conclusion == "refuse"

    assert code_of(other.engage, key="other") == "verification.refused_unchanged"
    assert code_of(certified, desk) == "registry.verification_refused"
    one_watt_hour_less(desk)
    again = other.engage(key="other")
    assert [one["is_same_data"] for one in earlier(again) if one["engagement"] == first.pk] == [True]


@pytest.mark.parametrize(
    ("one", "other", "stricter"),
    [
        (("refuse", 0, 100), ("adjust", 50, 100), True),
        (("adjust", 1, 100), ("accept", 0, 100), True),
        (("adjust", 6, 100), ("adjust", 5, 100), True),
        (("adjust", 6, 200), ("adjust", 5, 100), False),
        (("adjust", 5, 100), ("adjust", 5, 100), False),
        (("accept", 0, 100), ("adjust", 1, 100), False),
    ],
)
def test_which_of_two_statements_is_the_stricter(
    one: tuple[str, int, int], other: tuple[str, int, int], stricter: bool
) -> None:
    first, second = (
        Statement(conclusion=conclusion, deducted_mg=deducted_mg, population_mg=population_mg)
        for conclusion, deducted_mg, population_mg in (one, other)
    )

    assert is_stricter(first, second) is stricter


def conclusion_of_signed(statement: Statement) -> dict[str, Any]:
    projection: dict[str, Any] = statement.content["projection"]
    return projection


def test_the_lot_names_who_signed(desk: Desk) -> None:
    engagement = desk.drawn(precision="95/5")
    desk.examine(engagement)
    desk.conclude(engagement)

    assert code_of(certified, desk, verifier="Another Audit") == "registry.verified_by_another"
    assert certified(desk, verifier="  green AUDIT ltd").verifier.strip() == "green AUDIT ltd"


def test_a_second_lot_rests_on_what_the_first_verified_and_on_a_statement_of_its_own(desk: Desk) -> None:
    first = desk.engage(through=date(2026, 3, 2))
    assert len(first.manifests) == 1
    desk.declare(first)
    desk.recalculate(first)
    desk.complete(first)
    desk.plan(first, precision="95/5")
    desk.draw(first)
    desk.examine(first)
    desk.conclude(first)
    assert certified(desk, required=True, through=date(2026, 3, 2)).tonnes == 3

    assert code_of(certified, desk, required=True) == "registry.verification_missing"
    second = desk.engage(key="the rest")

    assert second.manifests == [one.digest for one in manifests_of(second)]
    assert [one.day for one in manifests_of(second)] == [SECOND]
    whole = desk.engage(key="all of it", whole=True)
    assert len(whole.manifests) == 2


# The same data again


def another_desk(desk: Desk) -> Desk:
    """Another verifier's desk over the same town."""
    kind = organise(Organisation.VERIFIER, "kind-audit", name_zh="好核查", name_en="Kind Audit", at=AT)
    private = Ed25519PrivateKey.generate()
    register_key(kind, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), at=AT)
    return replace(desk, verifier=kind, private=private)


def test_nobody_draws_a_second_sample_before_the_first_is_concluded(desk: Desk) -> None:
    opened_before = desk.engage(key="opened before")
    desk.declare(opened_before)
    first = desk.drawn(precision="95/5")

    for who in (desk, another_desk(desk)):
        assert code_of(who.engage, key="other") == "verification.engagement_unfinished"
        assert code_of(who.engage, key="one day", through=FIRST) == "verification.engagement_unfinished"
        assert code_of(who.engage, key="all", whole=True) == "verification.engagement_unfinished"
    assert code_of(desk.plan, opened_before) == "verification.engagement_unfinished"
    refused_by_database(
        "INSERT INTO verification_plan (engagement_id, nonce_digest, platform_nonce, data_digest, body, digest, size, "
        f"committed_at) VALUES ({opened_before.pk}, 'x', 'y', 'z', '{{}}', 'd', 1, now())",
        f"engagement {first.pk} has a plan over the same closes and no statement",
    )
    assert desk.engage() == first
    desk.examine(first)
    assert desk.conclude(first).conclusion == "accept"
    assert desk.engage(key="all", whole=True).manifests == first.manifests


def test_what_was_refused_is_verified_again_only_after_a_close_was_made_anew(desk: Desk) -> None:
    opened_before = desk.engage(key="opened before")
    desk.declare(opened_before)
    first = desk.drawn(precision="95/5")
    desk.examine(first, {act_of(24).record_id: 0})
    assert desk.conclude(first).conclusion == "refuse"
    other = another_desk(desk)

    for who in (desk, other):
        assert code_of(who.engage, key="other") == "verification.refused_unchanged"
        assert code_of(who.engage, key="one day", through=FIRST) == "verification.refused_unchanged"
    assert code_of(desk.plan, opened_before) == "verification.refused_unchanged"

    retracted(desk, 24)

    assert code_of(desk.plan, opened_before) == "verification.refused_unchanged"
    again = other.drawn(precision="95/5", key="other")
    assert set(again.manifests) & set(first.manifests)
    other.examine(again)
    signed = other.conclude(again).content
    assert signed["conclusion"] == "accept"
    assert signed["completeness"]["own_totals"] == {"compared": 0, "without": 2}
    assert [
        (one["engagement"], one["verifier"], one["is_same_data"], one["is_planned"], one["conclusion"])
        for one in signed["earlier"]
    ] == [
        (opened_before.pk, VERIFIER, True, False, "unconcluded"),
        (first.pk, VERIFIER, True, True, "refuse"),
    ]


@pytest.mark.parametrize("wrong", [12, None], ids=["an act of the first day", "in words"])
def test_a_late_act_on_one_day_does_not_free_the_other_days_of_a_refusal(
    desk: Desk, wrong: int | None
) -> None:
    """What is wrong is on the first day, or said in a major finding; the act that changes first is of the second."""
    first = desk.drawn(precision="95/5")
    desk.examine(first, {act_of(wrong).record_id: 0} if wrong else None)
    if wrong is None:
        asked = {"severity": "major", "text": "No meter.", "asked": "Show it.", "by": None, "at": AT}
        raise_finding(first.pk, **asked)
    assert desk.conclude(first, conclusion="refuse").conclusion == "refuse"
    other = another_desk(desk)

    retracted(desk, 24)

    for named in ({"key": "both"}, {"key": "the first", "through": FIRST}, {"key": "whole", "whole": True}):
        assert code_of(other.engage, **named) == "verification.refused_unchanged"
    stands = [one.digest for one in standing_with(METHODOLOGY, 1, first=FIRST, through=SECOND)]
    assert stands[0] == first.manifests[0]
    found = standing(first.methodology, stands)
    assert (found.refused, found.missing) == ((stands[0],), (stands[1],))

    if wrong is None:
        step(first.pk, 1, "answered", "Shown.", by=None, at=AT)
        assert code_of(other.engage, key="both") == "verification.refused_unchanged"
        step(first.pk, 1, "closed", "Seen.", by=None, at=AT)
    else:
        retracted(desk, wrong)
    again = other.drawn(precision="95/5", key="both")
    other.examine(again)
    accepted = other.conclude(again)
    assert accepted.conclusion == "accept"
    found = standing(again.methodology, again.manifests)
    assert (found.refused, found.missing, found.statements) == ((), (), (accepted,))


def test_an_open_major_finding_over_the_same_closes_counts_whoever_raised_it(desk: Desk) -> None:
    asked = {"severity": "major", "text": "No meter.", "asked": "Remove it.", "by": None, "at": AT}
    first = desk.engage(key="first")
    desk.declare(first)
    raise_finding(first.pk, **asked)
    other = another_desk(desk)
    second = other.drawn(precision="95/5", key="second")
    other.examine(second)

    assert conclusion_of(second).why == f"major findings are open: {first.pk}.1"
    assert code_of(statement_text, second.pk, conclusion="accept") == "verification.too_lenient"

    step(first.pk, 1, "answered", "Removed.", by=None, at=AT)
    step(first.pk, 1, "closed", "Seen.", by=None, at=AT)
    assert conclusion_of(second).computed == "accept"


def test_no_row_beside_a_statement_makes_it_speak_of_more_than_was_signed(desk: Desk) -> None:
    engagement = desk.drawn(precision="95/5", through=FIRST)
    desk.examine(engagement)
    statement = desk.conclude(engagement)
    first, second = (one.digest for one in standing_with(METHODOLOGY, 1, first=FIRST, through=SECOND))
    acts = acts_of(engagement.methodology, [first, second])
    assert (statement.content["manifests"], statement.content["acts"]) == ([first], [acts[first]])
    columns = "statement_id, methodology, manifest, acts"
    add = f"INSERT INTO verification_statement_of ({columns}) VALUES ({{}}, '{{}}', '{{}}', '{{}}')"
    of = (statement.pk, engagement.methodology)
    for name, said in ((second, ""), (second, acts[second]), ("sha256:none", acts[second])):
        refused_by_database(add.format(*of, name, said), "is not what it was signed for")
    refused_by_database(
        "INSERT INTO verification_sampled_act (draw_id, position, stratum, record_id, account, manifest, provider, "
        f"kind, credited_mg) VALUES ({engagement.draw.pk}, 13, 1, 1, 1, '{first}', 'p', 'k', 1)",
        "no act of its sample has the number 13",
    )
    assert check(connection) == []

    def missing() -> tuple[str, ...]:
        return standing(engagement.methodology, [first, second]).missing

    with pgtrigger.ignore("verification.StatementOf:of_its_closes"):
        for row in ((*of, second, ""), (*of, second, acts[second]), (*of, "sha256:none", acts[second])):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(add.format(*row))
                assert missing() == (second,)
                (found,) = check(connection)
                assert (found.invariant, found.table) == ("closes_are_as_signed", "verification_statement_of")
                transaction.set_rollback(True)
    # A statement that somebody else wrote: its row and its closes agree, and nobody's key signed it.
    with pgtrigger.ignore("verification.Statement:append_only"), transaction.atomic():
        Statement.objects.update(content=statement.content | {"remarks": "More."})
        assert missing() == (first, second)
        assert [one.found for one in check(connection)] == ["not as signed: content"]
        transaction.set_rollback(True)
    for change, wrong in (
        ({"jws": "x"}, "jws"),
        ({"jws": "a.b.c"}, "jws"),
        ({"population_mg": 1}, "population_mg"),
        ({"conclusion": "adjust", "deducted_mg": 1}, "conclusion, deducted_mg"),
    ):
        with pgtrigger.ignore("verification.Statement:append_only"), transaction.atomic():
            Statement.objects.update(**change)
            assert missing() == (first, second)
            assert [one.found for one in check(connection)] == [f"not as signed: {wrong}"]
            transaction.set_rollback(True)
    with pgtrigger.ignore("verification.VerifierKey:append_only"), transaction.atomic():
        VerifierKey.objects.update(public_key=b"short")
        assert missing() == (first, second)
        assert [one.found for one in check(connection)] == ["not as signed: jws"]
        transaction.set_rollback(True)
    with pgtrigger.ignore("verification.StatementOf:append_only"), transaction.atomic():
        statement.closes.all().delete()
        assert [one.found for one in check(connection)] == [f"{first} is gone"]
        transaction.set_rollback(True)


def test_a_statement_of_before_acts_were_signed_still_counts(desk: Desk) -> None:
    engagement = desk.drawn(precision="95/5")
    desk.examine(engagement)
    content = {name: value for name, value in statement_text(engagement.pk).items() if name != "acts"}
    acts = acts_of(engagement.methodology, engagement.manifests)
    with pgtrigger.ignore("verification.StatementOf:of_its_closes"):
        made = Statement.objects.create(
            engagement=engagement,
            conclusion="accept",
            population_mg=ALL_MG,
            deducted_mg=0,
            content=content,
            jws=sign(content, STATEMENT, desk.private),
            key=engagement.verifier.verifier_keys.get(),
            signed_at=AT,
        )
        for name in engagement.manifests:
            StatementOf.objects.create(
                statement=made, methodology=engagement.methodology, manifest=name, acts=acts[name]
            )

    assert check(connection) == []
    assert standing(engagement.methodology, engagement.manifests).statements == (made,)


# The order of things


def test_nothing_is_done_before_the_declaration(desk: Desk) -> None:
    engagement = desk.engage()

    assert code_of(desk.plan, engagement) == "verification.not_declared"
    assert code_of(desk.recalculate, engagement) == "verification.not_declared"
    assert code_of(statement_text, engagement.pk) == "verification.not_declared"
    refused_by_database(
        "INSERT INTO verification_plan (engagement_id, nonce_digest, platform_nonce, data_digest, body, digest, size, "
        f"committed_at) VALUES ({engagement.pk}, 'x', 'y', 'z', '{{}}', 'd', 1, now())",
        "no declaration of independence",
    )


def test_a_declaration_says_something_is_signed_and_stays(desk: Desk) -> None:
    engagement = desk.engage()
    text = declaration_text(engagement, conflicts="Our auditor's brother rides the metro.")

    def give(
        content: dict[str, Any], private: Ed25519PrivateKey = desk.private, by: User | None = None
    ) -> None:
        declare(engagement.pk, sign(content, DECLARATION, private), by=by, at=AT)

    assert code_of(give, text, Ed25519PrivateKey.generate()) == "verification.bad_signature"
    assert code_of(give, text | {"conflicts": " "}) == "verification.bad_declaration"
    assert code_of(give, text | {"independent": False}) == "verification.not_independent"
    assert code_of(give, text | {"data": "sha256:0"}) == "verification.not_this_text"
    staff = User.objects.create_user("staff@example.org")
    centre = organise(Organisation.OPERATOR, "centre", name_zh="中心", name_en="Centre", at=AT)
    join(staff, centre, Membership.MEMBER, at=AT)
    assert code_of(give, text, by=staff) == "verification.verifier_is_operator"
    assert not Declaration.objects.exists()

    give(text)
    give(text)

    assert Declaration.objects.get().content["conflicts"].startswith("Our auditor")
    assert code_of(give, text | {"conflicts": "None."}) == "verification.declared_already"


def test_the_operator_is_no_verifier_and_an_engagement_is_opened_once(desk: Desk) -> None:
    assert code_of(desk.engage, operator="GREEN audit ltd") == "verification.verifier_is_operator"
    assert code_of(desk.engage, operator=" ") == "verification.verifier_is_operator"
    assert code_of(desk.engage, methodology="shenzhen/ferry") == "verification.nothing_to_verify"
    assert code_of(desk.engage, materiality_percent="6") == "verification.bad_plan"
    bank = organise(Organisation.BANK, "a-bank", name_zh="银行", name_en="Bank", at=AT)
    assert code_of(replace(desk, verifier=bank).engage) == "verification.not_a_verifier"

    assert desk.engage() == desk.engage()
    assert code_of(desk.engage, through=date(2026, 3, 2)) == "verification.key_used"


def test_a_draw_needs_the_nonce_that_was_committed_to(desk: Desk) -> None:
    engagement = desk.engage()
    desk.declare(engagement)
    assert code_of(desk.draw, engagement) == "verification.not_planned"
    plan = desk.plan(engagement)

    assert code_of(desk.draw, engagement, "another nonce of enough characters") == "verification.other_nonce"
    assert code_of(desk.draw, engagement, "short") == "verification.bad_plan"
    assert code_of(desk.plan, engagement, "another nonce of enough characters") == "verification.plan_stands"
    assert desk.plan(engagement) == plan
    first, again = desk.draw(engagement), desk.draw(engagement)

    assert first == again
    assert Draw.objects.count() == 1
    said = "|".join([NONCE, PLATFORM_NONCE, engagement.data_digest, plan.digest])
    assert first.seed == hashlib.sha256(said.encode()).hexdigest()


def test_the_database_itself_refuses_a_draw_that_was_not_committed_to(desk: Desk) -> None:
    engagement = desk.engage()
    desk.declare(engagement)
    row = (
        "INSERT INTO verification_draw (engagement_id, nonce, seed, digest, drawn_at) "
        f"VALUES ({engagement.pk}, '%s', '%s', 'd', '%s')"
    )
    late = AT + timedelta(days=1)
    refused_by_database(row % (NONCE, "0" * 64, late), "no commitment before the draw")
    plan = desk.plan(engagement)
    said = "|".join([NONCE, PLATFORM_NONCE, engagement.data_digest, plan.digest])
    seed = hashlib.sha256(said.encode()).hexdigest()

    refused_by_database(row % ("other", seed, late), "another nonce than was committed to")
    refused_by_database(row % (NONCE, "0" * 64, late), "the seed is not that of its nonces and data")
    refused_by_database(row % (NONCE, seed, plan.committed_at), "no commitment before the draw")
    with connection.cursor() as cursor:
        cursor.execute(row % (NONCE, seed, late))
    assert Draw.objects.get().seed == seed


# The sample


def test_the_same_seed_draws_the_same_acts_and_anybody_can_draw_them(desk: Desk) -> None:
    engagement = desk.drawn()
    drawn = Draw.objects.get()
    plan = Plan.objects.get()

    again = drawn_acts(engagement, plan, drawn.seed, desk.town.places)

    kept = list(drawn.acts.order_by("position").values_list("record_id", flat=True))
    assert [row["record_id"] for row in again] == kept
    everything = drawn_acts(
        engagement,
        Plan(body={"strata": [one | {"draw": one["acts"]} for one in plan.body["strata"]]}),
        drawn.seed,
        desk.town.places,
    )
    assert len(everything) == 24
    for one in plan.body["strata"]:
        mine = [row["record_id"] for row in everything if row["stratum"] == one["number"]]
        by_hand = sorted(
            mine, key=lambda record: hashlib.sha256(f"{drawn.seed}:{record}".encode()).hexdigest()
        )
        assert [row["record_id"] for row in again if row["stratum"] == one["number"]] == by_hand[
            : one["draw"]
        ]
    other = drawn_acts(engagement, plan, "0" * 64, desk.town.places)
    assert [row["record_id"] for row in other] != kept


def test_strata_hold_every_credited_act_once_and_about_a_third_of_the_milligrams_each(desk: Desk) -> None:
    engagement = desk.engage()
    desk.declare(engagement)

    strata = desk.plan(engagement).body["strata"]

    assert [one["kind"] for one in strata] == ["rooftop_pv_output"] * 3
    assert sum(one["acts"] for one in strata) == 24
    assert sum(one["credited_mg"] for one in strata) == ALL_MG
    # In units of 100 kWh: what is smaller than 14 sums to 91, than 15 to 105, than 20 to 190, than 21 to 210 of 300.
    assert [one["acts"] for one in strata] == [14, 6, 4]


def test_data_that_was_exchanged_is_not_drawn_from(desk: Desk) -> None:
    engagement = desk.engage()
    assert data_digest(manifests_of(engagement)) == engagement.data_digest
    desk.declare(engagement)
    [output, *_] = [one for one in manifests_of(engagement)[0].body["outputs"] if one["rows"]]
    path = desk.town.places.results.path(output["results"])
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    assert code_of(desk.plan, engagement) == "close.file_altered"


def test_a_look_shows_the_act_and_not_the_person_and_the_person_sees_the_look(desk: Desk) -> None:
    engagement = desk.drawn()

    with transaction.atomic():
        detail = look(engagement.pk, 1, places=desk.town.places, by=None, at=AT)

    assert detail.is_standing
    assert detail.trace.explanation is not None
    assert detail.trace.explanation.avoided_mg == detail.sampled.credited_mg
    assert detail.trace.act.kind == "rooftop_pv_output"
    entry = AuditEntry.objects.get(verb="verifier_act_seen")
    assert (entry.object_kind, entry.object_key) == ("account", str(detail.sampled.account))
    assert entry.organisation == desk.verifier
    for position in (0, engagement.plan.size + 1):
        assert code_of(look, engagement.pk, position, places=desk.town.places, by=None, at=AT) == (
            "verification.not_in_sample"
        )
    assert AuditEntry.objects.count() == 1


def test_an_act_of_a_day_that_was_closed_again_is_shown_as_the_sample_has_it(desk: Desk) -> None:
    engagement = desk.drawn(precision="95/5")
    act = SampledAct.objects.order_by("-credited_mg").first()
    assert act is not None
    desk.town.take(
        {"source_id": "pv24", "person": "d", "kind": "rooftop_pv_output", "action": "retract", "revision": 1}
        | {"started_at": "2026-03-03T12:00:00+08:00", "ended_at": "2026-03-03T12:30:00+08:00"}
    )
    desk.town.close(SECOND)

    with transaction.atomic():
        detail = look(engagement.pk, act.position, places=desk.town.places, by=None, at=AT)

    assert not detail.is_standing
    assert detail.trace.act.credited_mg == act.credited_mg == 2_400_000 * PV_MG_PER_WH


# What was found


def test_an_act_is_examined_with_evidence_and_what_is_said_last_counts(desk: Desk) -> None:
    engagement = desk.drawn()
    credited_mg = SampledAct.objects.get(position=1).credited_mg

    def say(verdict: str, right_mg: int | None = None, note: str = "invoice 7") -> Examination:
        return examine(engagement.pk, 1, Found(verdict, note, right_mg), by=None, at=AT)

    for given in (
        ("agrees", 1),
        ("differs", None),
        ("differs", -1),
        ("differs", credited_mg),
        ("unsupported", 5),
    ):
        assert code_of(say, *given) == "verification.bad_examination"
    assert code_of(say, "perhaps") == code_of(say, "agrees", note=" ") == "verification.bad_examination"
    first = say("agrees")
    assert say("agrees") == first
    say("differs", credited_mg + 1)
    last = say("unsupported")

    assert (last.sequence, last.right_mg) == (3, 0)
    assert code_of(statement_text, engagement.pk) == "verification.not_examined"


def test_a_finding_goes_from_raised_to_answered_to_closed_and_not_otherwise(desk: Desk) -> None:
    engagement = desk.drawn(precision="95/5")
    desk.examine(engagement)
    number = engagement.pk

    def go(kind: str, text: str = "said", finding: int = 1) -> FindingStep:
        return step(number, finding, kind, text, by=None, at=AT)

    asked = {"severity": "major", "text": "Meters stand still.", "asked": "Read them again."}
    assert (
        code_of(raise_finding, number, **asked | {"severity": "huge"}, by=None, at=AT)
        == "verification.bad_finding"
    )
    finding = raise_finding(number, **asked, by=None, at=AT)
    assert raise_finding(number, **asked, by=None, at=AT) == finding
    assert conclusion_of(engagement).computed == "refuse"
    assert code_of(go, "closed") == code_of(go, "returned") == "verification.out_of_turn"
    assert code_of(go, "answered", finding=2) == "verification.unknown_finding"

    assert go("answered") == go("answered")
    go("returned", "not yet")
    assert code_of(go, "closed") == "verification.out_of_turn"
    go("answered", "read again on Monday")
    go("closed", "seen")

    assert code_of(go, "answered", "more") == "verification.out_of_turn"
    assert list(FindingStep.objects.order_by("sequence").values_list("step", flat=True)) == [
        *("answered", "returned", "answered", "closed")
    ]
    assert conclusion_of(engagement).computed == "accept"
    refused_by_database(
        "INSERT INTO verification_finding_step (engagement_id, finding_id, sequence, step, text, made_at) "
        f"VALUES ({number}, {finding.pk}, 5, 'answered', 'x', now())",
        "answered does not follow closed",
    )


def test_completeness_balances_and_says_where_it_does_not(desk: Desk) -> None:
    from tanpuhui.evidence.total import Row, declare
    from tanpuhui.verification.complete import balance, said_of_totals

    engagement = desk.engage()
    report = balance(engagement.pk, places=desk.town.places)

    assert report["balances"], report["differences"]
    assert (report["recorded"], report["ended"], report["credited"]) == (24, 24, 24)
    assert report["credited_mg"] == ALL_MG
    [provider] = report["providers"]
    assert provider["receipts"] == {"files": 1, "rows": 24, "accepted": 24, "duplicate": 0, "refused": 0}
    # One provider, one kind, two days.
    assert report["own_totals"] == {"compared": 0, "without": 2}
    assert "agrees with itself" in said_of_totals(report["own_totals"])

    told = balance(engagement.pk, places=desk.town.places, totals={("town", SECOND): 13})
    assert told["own_totals"] == {"compared": 1, "without": 1}
    assert told["differences"] == ["town, 2026-03-03: 13 sent by its own count, 12 recorded"]
    declare("town", [Row(SECOND, "rooftop_pv_output", 11)], at=AT, by="operator")
    declared = balance(engagement.pk, places=desk.town.places)
    assert declared["differences"] == [
        "town, 2026-03-03, rooftop_pv_output: 11 sent by its own declaration, 12 recorded"
    ]
    assert declared["providers"][0]["own_total"] == 11
    declare("town", [Row(SECOND, "rooftop_pv_output", 12)], at=AT, by="operator")
    agreed = balance(engagement.pk, places=desk.town.places)
    assert agreed["balances"]
    assert agreed["own_totals"] == {"compared": 1, "without": 1}
    desk.town.take(
        {"source_id": "late", "person": "a", "kind": "rooftop_pv_output", "energy_wh": 5}
        | {"started_at": "2026-03-03T18:00:00+08:00", "ended_at": "2026-03-03T18:30:00+08:00"}
    )
    late = balance(engagement.pk, places=desk.town.places)
    assert not late["balances"]
    assert "2026-03-03: 13 recorded, 12 read by its close, 12 ended" in late["differences"]


# The statement


def test_a_statement_is_of_what_stands_signed_by_a_registered_key_and_ends_everything(desk: Desk) -> None:
    engagement = desk.drawn(precision="95/5")
    desk.examine(engagement)
    old = desk.sign(engagement)
    with transaction.atomic():
        raise_finding(engagement.pk, severity="observation", text="Dust.", asked="Clean.", by=None, at=AT)

    def give(token: str) -> Statement:
        return conclude(engagement.pk, token, by=None, at=AT)

    assert code_of(give, old) == "verification.not_this_text"
    text = statement_text(engagement.pk)
    stranger = sign(text, STATEMENT, Ed25519PrivateKey.generate())
    assert code_of(give, stranger) == code_of(give, "nonsense") == "verification.bad_signature"
    assert code_of(give, sign(text, DECLARATION, desk.private)) == "verification.bad_signature"
    assert (
        code_of(give, sign(text | {"deducted_mg": 1}, STATEMENT, desk.private))
        == "verification.not_this_text"
    )
    token = desk.sign(engagement)

    made = give(token)

    assert give(token) == made
    assert code_of(give, old) == "verification.concluded_already"
    assert json.loads(json.dumps(made.content)) == text
    assert step(engagement.pk, 1, "answered", "Cleaned.", by=None, at=AT).step == "answered"
    assert code_of(desk.examine, engagement) == "verification.ended"
    assert code_of(desk.recalculate, engagement) == "verification.ended"
    refused_by_database(
        "INSERT INTO verification_finding (engagement_id, number, severity, text, asked, raised_at) "
        f"VALUES ({engagement.pk}, 9, 'minor', 'x', 'y', now())",
        "has its statement",
    )


def test_a_verifier_may_be_stricter_than_the_numbers_and_not_milder(desk: Desk) -> None:
    engagement = desk.drawn()
    desk.examine(engagement)
    assert conclusion_of(engagement).computed == "adjust"

    assert code_of(statement_text, engagement.pk, conclusion="accept") == "verification.too_lenient"
    assert code_of(statement_text, engagement.pk, conclusion="perhaps") == "verification.too_lenient"
    assert desk.conclude(engagement, conclusion="refuse").conclusion == "refuse"


def test_rows_are_append_only_for_everybody(desk: Desk) -> None:
    engagement = desk.drawn(precision="95/5")
    desk.examine(engagement)
    asked = {"severity": "observation", "text": "Dust.", "asked": "Clean."}
    raise_finding(engagement.pk, **asked, by=None, at=AT)
    step(engagement.pk, 1, "answered", "Done.", by=None, at=AT)
    desk.conclude(engagement)
    judge_now()
    for table in (
        *("engagement", "declaration", "recalculation", "completeness", "plan", "draw", "sampled_act"),
        *("examination", "finding", "finding_step", "statement", "statement_of", "verifier_key"),
    ):
        refused_by_database(f"DELETE FROM verification_{table}", "Cannot update or delete")
        refused_by_database(f"TRUNCATE verification_{table} CASCADE", "never removed")


def test_two_who_do_the_same_at_once_do_it_once(
    transactional_db: None, fresh_home: Path, library: Library
) -> None:
    desk = open_desk(Town(fresh_home, library, load_jurisdiction("demo"), buckets=2))
    engagement = desk.engage()
    desk.declare(engagement)
    desk.recalculate(engagement)
    desk.complete(engagement)

    def at_once(does: Any) -> list[Any]:
        def work(_: int) -> Any:
            try:
                return does()
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(work, range(4)))

    assert len({one.pk for one in at_once(lambda: desk.plan(engagement, precision="95/5"))}) == 1
    assert len({one.pk for one in at_once(lambda: desk.draw(engagement))}) == 1
    assert SampledAct.objects.count() == 24
    at_once(lambda: desk.examine(engagement))
    assert Examination.objects.count() == 24
    token = desk.sign(engagement)

    def end() -> Statement:
        with transaction.atomic():
            return conclude(engagement.pk, token, by=None, at=AT)

    assert len({one.pk for one in at_once(end)}) == 1
    assert Engagement.objects.get().verifier.code == VERIFIER
