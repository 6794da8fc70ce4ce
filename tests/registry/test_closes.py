"""Closes: a lot rests on closes of its own rules, and on no close that newer evidence has overtaken."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from close.town import SHANGHAI, Town, act, certified_mg, pending_mg
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.registry.certify import Order, certify
from tanpuhui.registry.closes import refuse_unclosed
from tanpuhui.registry.models import Lot
from tanpuhui.registry.refusals import ClosesBehind, DaysUnclosed, MethodologyChanged, OtherJurisdiction

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)
ORDER = Order(
    methodology="shanghai/rooftop-pv",
    version=1,
    vintage=2026,
    through=SECOND,
    operator="platform operator",
    verifier="Green Audit Ltd",
    at=datetime(2026, 3, 12, 9, 0, tzinfo=SHANGHAI),
)


def roof(source_id: str, day: date = FIRST, **more: Any) -> dict[str, Any]:
    """A roof that generated 3 MWh, which is 1.26 t."""
    return act("rooftop_pv_output", source_id, "a", day=day, **({"energy_wh": 3_000_000} | more))


def lot_of(town: Town) -> Lot:
    return certify(ORDER, places=town.places, jurisdiction=town.jurisdiction, library=town.library)


@pytest.fixture()
def account(town: Town) -> int:
    """One roof on two days, both closed."""
    account = town.settle("a")["a"]
    town.take(roof("1"), roof("2", SECOND))
    town.close(FIRST)
    town.close(SECOND)
    return account


def test_a_retraction_that_waits_for_its_close_is_not_overtaken_by_a_lot(town: Town, account: int) -> None:
    town.take(roof("1", revision=1, action="retract", energy_wh=None))

    with pytest.raises(ClosesBehind) as refused:
        lot_of(town)

    assert refused.value.code == "registry.closes_behind"
    assert refused.value.facts == {"count": 2, "days": "2026-03-02, 2026-03-03"}
    town.close(FIRST)
    town.close(SECOND)
    assert lot_of(town).tonnes == 1
    assert (certified_mg(account), pending_mg(account)) == (TONNE_MG, 260_000_000)


def test_a_correction_to_another_day_is_certified_once(town: Town, account: int) -> None:
    """The first day still has the act until it is closed again; a lot of that moment would certify it twice."""
    town.take(
        roof(
            "1",
            SECOND,
            revision=1,
            action="report",
            started_at="2026-03-03T18:00:00+08:00",
            ended_at="2026-03-03T18:30:00+08:00",
        )
    )
    town.close(SECOND)

    with pytest.raises(ClosesBehind, match="2026-03-02") as refused:
        lot_of(town)

    assert refused.value.facts["count"] == 1
    town.close(FIRST)
    assert pending_mg(account) == 2 * 1_260_000_000


def test_a_late_act_is_waited_for(town: Town, account: int) -> None:
    town.take(roof("3", FIRST, started_at="2026-03-02T18:00:00+08:00", ended_at="2026-03-02T18:30:00+08:00"))

    # This provider may report taps and half hours, so that its files count for the days beside them too.
    with pytest.raises(ClosesBehind, match="2 days of this lot"):
        lot_of(town)

    town.close(FIRST)
    town.close(SECOND)
    assert lot_of(town).tonnes == 3


def test_a_certified_day_that_is_behind_stands_in_the_next_lots_way_too(town: Town, account: int) -> None:
    lot_of(town)
    town.take(roof("1", revision=1, action="retract", energy_wh=None))

    with pytest.raises(ClosesBehind, match="--reopen"):
        lot_of(town)


def test_where_bad_days_are_netted_none_may_be_left_unclosed(town: Town) -> None:
    """Shanghai's household electricity nets; rooftop PV does not."""
    town.settle("a")
    town.take(roof("1"), roof("2", SECOND))
    town.close(FIRST)
    nets = town.library.get("shanghai/household-electricity")

    with pytest.raises(DaysUnclosed) as refused:
        refuse_unclosed(nets, 2026, SECOND)

    assert refused.value.facts["count"] == 1
    assert refused.value.facts["days"] == "2026-03-03"
    refuse_unclosed(nets, 2026, FIRST)
    refuse_unclosed(town.library.get("shanghai/rooftop-pv"), 2026, SECOND)


def test_a_lot_of_one_jurisdiction_takes_no_closes_of_another(town: Town, account: int) -> None:
    with pytest.raises(OtherJurisdiction, match="closed under the rules of demo, not of shanghai"):
        lot_of(town.under("shanghai"))
    assert Lot.objects.count() == 0


def test_a_methodology_that_was_changed_after_the_close_certifies_nothing(town: Town, account: int) -> None:
    key = ("shanghai/rooftop-pv", 1)
    changed = replace(town.library.methodologies[key], digest="sha256:0")
    library = replace(town.library, methodologies={**town.library.methodologies, key: changed})

    with pytest.raises(MethodologyChanged, match="rooftop-pv@1"):
        certify(ORDER, places=town.places, jurisdiction=town.jurisdiction, library=library)
    assert Lot.objects.count() == 0
