"""Programmes: never more than the bound in all, nobody's loss forgotten, and a hold-out that nobody chose."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pgtrigger
import pyarrow.parquet as pq
import pytest
from django.db import DatabaseError, connection, transaction

from close.town import certified_mg, pending_mg
from programme.village import (
    BASELINE,
    CODE,
    HOMES,
    LAST_DAY,
    MARCH,
    MAY,
    MG_PER_WH,
    OPENED_AT,
    SETTLED_AT,
    SHANGHAI,
    USED_WH,
    Village,
    design,
)
from tanpuhui.baseline.refusals import BadPercent, HomesRepeated
from tanpuhui.consent.open_account import open_accounts
from tanpuhui.evidence import contract
from tanpuhui.evidence.contract import ContractIncomplete, PlatformsOwn
from tanpuhui.evidence.take import take
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.load import Library
from tanpuhui.programme.find import get_programme
from tanpuhui.programme.join import join
from tanpuhui.programme.models import ListedHome, Period, Programme, Window
from tanpuhui.programme.month import last_day
from tanpuhui.programme.open import KIND
from tanpuhui.programme.refusals import (
    AccountsUnknown,
    BadRung,
    BaselineTooLate,
    HeldOutJoins,
    HomesListedBefore,
    HomeUnknown,
    NotOpened,
    PeriodNotOver,
    PeriodOutOfTurn,
    PeriodTooLong,
    ProgrammeKnown,
    ReadBefore,
    ReadingsUnreadable,
    SettledOtherwise,
    StillSealed,
    TitleMissing,
    TooManyMissing,
    WindowAfterOpening,
    WindowDeclared,
    WindowSettled,
    WindowTooEarly,
)
from tanpuhui.programme.show import _NUMBERS
from tanpuhui.programme.unseal import unseal
from tanpuhui.programme.verify import verify
from tanpuhui.programme.window import declare
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.certify import Order as LotOrder
from tanpuhui.registry.certify import certify
from tanpuhui.registry.models import Lot
from tanpuhui.registry.refusals import BeyondTheBound, HouseholdAlone

SAVED_WH = 600_000
LOT = LotOrder(
    methodology="national/household-programme",
    version=1,
    vintage=2025,
    through=LAST_DAY,
    operator="platform operator",
    verifier="Green Audit Ltd",
    at=SETTLED_AT,
)


def saving(village: Village, **other: int) -> dict[str, int]:
    """Every home that was asked uses a fifth less."""
    return dict.fromkeys(village.asked, USED_WH - SAVED_WH) | other


def shares_of(village: Village, period: Period) -> dict[int, dict[str, int]]:
    rows = pq.read_table(village.places.frozen.checked(period.shares)).to_pylist()
    return {row["subject_id"]: row for row in rows}


def lot_of(village: Village) -> Lot:
    with transaction.atomic():
        return certify(LOT, places=village.places, jurisdiction=village.jurisdiction, library=village.library)


def test_a_share_of_the_bound_is_pending_once_and_becomes_a_lot(village: Village) -> None:
    """28 homes save 3 x 600 kWh without any noise: S = bound = 50.4 MWh; ten joined with 18 MWh, 7.56 t."""
    path = village.readings(saving(village))

    period = village.settle(path)
    again = village.settle(path)
    answer, repeated = village.close(), village.close()

    assert (period.saved_wh, period.error_wh, period.bound_wh) == (50_400_000, 0, 50_400_000)
    assert (period.homes, period.held_out, period.joined, period.left_out) == (28, 12, 10, 0)
    assert period.shared_mg == 10 * 3 * SAVED_WH * MG_PER_WH == 7_560_000_000
    assert again == period and answer.posted and not repeated.posted
    assert [pending_mg(account) for account in village.accounts.values()] == [756_000_000] * 10
    unseal(CODE, at=SETTLED_AT)
    assert lot_of(village).tonnes == 7
    assert sum(certified_mg(account) for account in village.accounts.values()) == 7_000_000_000


def test_the_applications_role_opens_settles_and_declares_without_the_right_to_change(
    db: None, fresh_home: Path, library: Library
) -> None:
    """As the program runs outside of tests: it may add rows and change none."""
    village = Village(fresh_home, library, load_jurisdiction("demo"))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE tanpuhui_app")
        village.open()
        village.join(10)
        period = village.settle(village.readings(saving(village)))
        later = Window(
            programme=get_programme(CODE), rung="L3", baseline_from=MARCH, starts_on=date(2026, 3, 1)
        )
        declare(later, at=SETTLED_AT)
        unseal(CODE, at=SETTLED_AT)
        cursor.execute("RESET ROLE")

    assert period.shared_mg == 7_560_000_000


def test_nothing_is_certified_while_the_hold_out_is_sealed(village: Village) -> None:
    village.settle(village.readings(saving(village)))
    village.close()

    with pytest.raises(NotOpened):
        lot_of(village)


def test_good_months_without_an_effect_are_paid_nothing(village: Village) -> None:
    """Half of the homes use a fifth less and half a fifth more: the sum of the good ones would be 14 x 1.8 MWh."""
    less, more = village.asked[::2], village.asked[1::2]
    used = dict.fromkeys(less, USED_WH - SAVED_WH) | dict.fromkeys(more, USED_WH + SAVED_WH)

    period = village.settle(village.readings(used))

    assert (period.saved_wh, period.bound_wh, period.shared_mg) == (0, 0, 0)
    assert village.close().outcomes == {"nothing_avoided": 10}


def test_a_homes_loss_is_carried_and_taken_off_its_next_share(village: Village) -> None:
    """It uses 3 x 600 kWh more in spring and as much less in June: 1.8 MWh owed, 0.6 MWh saved, still 1.2 MWh owed."""
    loser = village.asked[0]
    spring = village.settle(village.readings(saving(village, **{loser: USED_WH + SAVED_WH})))
    june = date(2025, 6, 1)
    path = village.readings(saving(village), first=june, last=june)

    summer = village.settle(path, first=june, last=june, at=datetime(2025, 7, 2, tzinfo=SHANGHAI))

    carried = [
        [row["carried_out_wh"] for row in shares_of(village, period).values() if row["carried_out_wh"]]
        for period in (spring, summer)
    ]
    assert carried == [[-3 * SAVED_WH], [-2 * SAVED_WH]]
    assert spring.shared_mg == 9 * 3 * SAVED_WH * MG_PER_WH
    assert summer.shared_mg == 9 * SAVED_WH * MG_PER_WH


def test_what_the_programme_lost_is_made_good_before_anything_is_shared(village: Village) -> None:
    """Spring loses 28 x 1.8 MWh = 50.4 MWh; June saves 16.8 MWh, which is less."""
    spring = village.settle(village.readings(dict.fromkeys(village.asked, USED_WH + SAVED_WH)))
    june = date(2025, 6, 1)
    path = village.readings(saving(village), first=june, last=june)

    summer = village.settle(path, first=june, last=june, at=datetime(2025, 7, 2, tzinfo=SHANGHAI))

    assert (spring.carried_out_wh, spring.certifiable_wh) == (-50_400_000, 0)
    assert (summer.bound_wh, summer.certifiable_wh, summer.carried_out_wh) == (16_800_000, 0, -33_600_000)
    assert summer.shared_mg == 0


def test_noise_takes_the_bound_below_the_estimate(village: Village) -> None:
    """Homes save 0 or 1.2 MWh in turns: the mean is the same, and the error is that of the mean of 28 homes, x 28."""
    used = {home: USED_WH - 2 * SAVED_WH * (place % 2) for place, home in enumerate(village.asked)}

    period = village.settle(village.readings(used))

    # sd of one home: 1.8 MWh; of the sum of 28: 1.8 x sqrt(28) = 9.52 MWh, within a tenth by 1,000 draws
    assert period.saved_wh == 50_400_000
    assert abs(period.error_wh - 9_524_705) < 952_000
    assert period.bound_wh == pytest.approx(period.saved_wh - 1.645 * period.error_wh, abs=2)
    assert period.shared_mg <= period.certifiable_mg == period.certifiable_wh * MG_PER_WH


def test_a_share_without_a_grant_goes_to_nobody(village: Village) -> None:
    join(CODE, [(village.asked[10], max(village.accounts.values()))], at=OPENED_AT)

    village.settle(village.readings(saving(village)))
    answer = village.close()

    assert answer.outcomes["credited"] >= 10
    assert answer.credited_mg <= 11 * 3 * SAVED_WH * MG_PER_WH


def test_the_hold_out_is_verified_with_every_period(village: Village) -> None:
    path = village.readings(saving(village))
    with pytest.raises(StillSealed):
        unseal(CODE, at=SETTLED_AT)
    village.settle(path)
    unseal(CODE, at=SETTLED_AT)

    found = verify(CODE, places=village.places, library=village.library)

    assert found.stands
    assert (found.held_out, found.periods, found.differs) == (12, 1, ())


def test_homes_held_out_and_strangers_never_join(village: Village) -> None:
    account = village.accounts[village.asked[0]]
    with pytest.raises(HeldOutJoins):
        join(CODE, [(village.held[0], account)], at=OPENED_AT)
    with transaction.atomic(), pytest.raises(HomeUnknown):
        join(CODE, [("meter-of-somebody", account)], at=OPENED_AT)


@pytest.mark.parametrize("group", ["held", "asked"])
def test_an_account_that_does_not_exist_tells_nothing_of_the_hold_out(village: Village, group: str) -> None:
    with pytest.raises(AccountsUnknown):
        join(CODE, [(getattr(village, group)[-1], max(village.accounts.values()) + 1)], at=OPENED_AT)


def test_a_programme_is_drawn_once_and_sealed(village: Village) -> None:
    kept = get_programme(CODE)

    assert HOMES[0].encode() not in bytes(kept.sealed) and b"held" not in bytes(kept.sealed)
    assert (kept.homes, kept.held_out) == (40, 12)
    with pytest.raises(ProgrammeKnown):
        village.open()


@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        ({"percent": 0}, BadPercent),
        ({"percent": 91}, BadPercent),
        ({"homes": [*HOMES, HOMES[0]]}, HomesRepeated),
        ({"title_en": " "}, TitleMissing),
        ({"rung": "L1"}, BadRung),
        ({"baseline_from": date(2024, 4, 1)}, BaselineTooLate),
        ({"starts_on": date(2025, 2, 1), "baseline_from": date(2024, 1, 1)}, WindowTooEarly),
    ],
)
def test_an_unfit_design_is_refused(village: Village, other: dict[str, Any], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        village.open(**other | {"code": "another"})


def test_a_rung_is_changed_only_by_a_window_that_is_still_to_come(village: Village) -> None:
    programme = get_programme(CODE)
    later = Window(programme=programme, rung="L3", baseline_from=MARCH, starts_on=date(2026, 3, 1))
    village.settle(village.readings(saving(village)))

    assert declare(later, at=SETTLED_AT).rung == "L3"
    with pytest.raises(WindowTooEarly):
        declare(
            Window(programme=programme, rung="L3", baseline_from=date(2024, 4, 1), starts_on=MAY),
            at=SETTLED_AT,
        )
    with pytest.raises(WindowSettled):
        declare(
            Window(programme=programme, rung="L3", baseline_from=date(2024, 3, 1), starts_on=MAY),
            at=OPENED_AT,
        )
    with pytest.raises(DatabaseError), transaction.atomic():
        Window.objects.create(
            programme=programme,
            rung="L3",
            baseline_from=date(2024, 3, 1),
            starts_on=MAY,
            declared_at=OPENED_AT,
        )


def test_no_window_is_declared_once_it_is_known_who_was_held_out(village: Village) -> None:
    """Whoever knows both groups' baselines would choose the rung or the year that credits more, before any reading."""
    programme, first = get_programme(CODE), date(2026, 3, 1)

    def declared(starts_on: date, rung: str) -> Window:
        window = Window(programme=programme, rung=rung, baseline_from=BASELINE, starts_on=starts_on)
        return declare(window, at=SETTLED_AT)

    made = declared(first, "L3")
    village.settle(village.readings(saving(village)))
    unseal(CODE, at=SETTLED_AT)

    for starts_on, rung in ((date(2025, 10, 1), "L3"), (date(2026, 6, 1), "L5")):
        with pytest.raises(WindowAfterOpening) as refused:
            declared(starts_on, rung)
        assert refused.value.facts == {"code": CODE, "starts_on": first, "rung": "L3"}
        with pytest.raises(DatabaseError, match="is open"), transaction.atomic():
            Window.objects.create(
                programme=programme,
                rung=rung,
                baseline_from=BASELINE,
                starts_on=starts_on,
                declared_at=SETTLED_AT,
            )
    assert declared(first, "L3") == made
    with pytest.raises(WindowDeclared):
        declared(first, "L5")


def test_a_window_is_declared_once(village: Village) -> None:
    """The same again is the same; on another rung it is refused, though none of its months is settled."""
    first = date(2026, 3, 1)

    def declared(rung: str) -> Window:
        window = Window(programme=get_programme(CODE), rung=rung, baseline_from=BASELINE, starts_on=first)
        return declare(window, at=SETTLED_AT)

    made = declared("L3")

    assert declared("L3") == made
    with pytest.raises(WindowDeclared) as refused:
        declared("L5")
    assert refused.value.facts == {"starts_on": first}


def test_months_are_settled_in_turn_once_and_when_they_are_over(village: Village) -> None:
    path = village.readings(saving(village))
    april = date(2025, 4, 1)
    with pytest.raises(PeriodOutOfTurn):
        village.settle(path, first=april)
    with pytest.raises(PeriodNotOver):
        village.settle(path, at=datetime(2025, 5, 31, 12, tzinfo=SHANGHAI))
    with pytest.raises(PeriodTooLong):
        village.settle(path, last=date(2026, 1, 1), at=datetime(2026, 3, 1, tzinfo=SHANGHAI))
    village.settle(path)
    with pytest.raises(SettledOtherwise):
        village.settle(village.readings({}))


def test_a_baseline_is_the_same_in_each_period(village: Village) -> None:
    """A year later, with 1 Wh more in March of the baseline of one home."""
    june = date(2025, 6, 1)
    village.settle(village.readings(saving(village)))
    village.settle(
        village.readings({}, first=june, last=date(2025, 12, 1)),
        first=june,
        last=date(2025, 12, 1),
        at=datetime(2026, 4, 2, tzinfo=SHANGHAI),
    )
    path = village.readings({}, first=date(2026, 1, 1), last=date(2026, 3, 1))
    text = path.read_text(encoding="utf-8")
    before = f"{HOMES[0]},2024-03,{USED_WH}"
    assert before in text
    path.write_text(text.replace(before, f"{before[:-1]}1"), encoding="utf-8")

    with pytest.raises(ReadBefore) as refused:
        village.settle(
            path, first=date(2026, 1, 1), last=date(2026, 3, 1), at=datetime(2026, 4, 2, tzinfo=SHANGHAI)
        )

    assert refused.value.facts == {"count": 1, "months": "2024-03", "code": CODE}


def test_a_period_is_settled_whoever_joined_since(village: Village) -> None:
    path = village.readings(saving(village))
    period = village.settle(path)
    late = village.asked[-1]
    assert late not in village.accounts
    join(CODE, zip([late], open_accounts(1, at=SETTLED_AT), strict=True), at=SETTLED_AT)

    again = village.settle(path)

    assert (again.pk, again.readings) == (period.pk, period.readings)


def test_no_month_is_left_out_between_two_windows(village: Village) -> None:
    """March to May lost 28 x 1.8 MWh: June, of the next window, is not settled before, and carries all of it."""
    june, july = date(2025, 6, 1), datetime(2025, 7, 2, tzinfo=SHANGHAI)
    second = Window(programme=get_programme(CODE), rung="L5", baseline_from=BASELINE, starts_on=june)
    declare(second, at=datetime(2025, 5, 20, tzinfo=SHANGHAI))
    path = village.readings(saving(village), first=june, last=june)
    with pytest.raises(PeriodOutOfTurn):
        village.settle(path, first=june, last=june, at=july)

    village.settle(village.readings(dict.fromkeys(village.asked, USED_WH + SAVED_WH)))
    period = village.settle(path, first=june, last=june, at=july)
    unseal(CODE, at=july)

    assert (period.window, period.carried_in_wh, period.shared_mg) == (second, -50_400_000, 0)
    assert verify(CODE, places=village.places, library=village.library).stands


@pytest.mark.parametrize("settled", [False, True])
def test_the_database_refuses_a_period_that_leaves_months_out(village: Village, settled: bool) -> None:
    """Neither June before spring, of a window of its own, nor July after spring."""
    june, july = date(2025, 6, 1), date(2025, 7, 1)
    second = Window(programme=get_programme(CODE), rung="L5", baseline_from=BASELINE, starts_on=june)
    declare(second, at=datetime(2025, 5, 20, tzinfo=SHANGHAI))
    if settled:
        village.settle(village.readings(saving(village)))
    first = july if settled else june
    numbers = dict.fromkeys(_NUMBERS, 0)

    with pytest.raises(DatabaseError, match="begins on"), transaction.atomic():
        Period.objects.create(
            window=second,
            first_day=first,
            last_day=last_day(first),
            readings="sha256:0",
            shares="sha256:0",
            settled_at=SETTLED_AT,
            **numbers,
        )


def test_too_many_homes_without_readings_stop_the_settlement(village: Village) -> None:
    with pytest.raises(TooManyMissing):
        village.settle(village.readings(saving(village), without=tuple(village.held[:2])))


@pytest.mark.parametrize(
    "text",
    [
        "home,month,wh\n",
        "home,month,energy_wh\nmeter-00,2025-13,1\n",
        "home,month,energy_wh\nmeter-00,2025-03,-1\n",
        "home,month,energy_wh\nmeter-00,2025-03,1.5\n",
        "home,month,energy_wh\n,2025-03,1\n",
        "home,month,energy_wh\nmeter-00,2025-03,1\nmeter-00,2025-03,1\n",
    ],
)
def test_readings_that_cannot_be_read_are_refused(village: Village, text: str) -> None:
    path = village.folder / "bad.csv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ReadingsUnreadable):
        village.settle(path)


def test_nobody_else_reports_a_share(village: Village) -> None:
    path = village.folder / "forged.ndjson"
    path.write_text("{}\n", encoding="utf-8")

    with pytest.raises(PlatformsOwn):
        take(CODE, path, at=SETTLED_AT, lake=village.places.lake, buckets=2)
    with pytest.raises(ContractIncomplete):
        contract.add(
            "forger",
            format="generic",
            kinds=[KIND],
            pia_reference="PIA-2",
            valid_from=MARCH,
            made_at=OPENED_AT,
        )


def test_a_lot_takes_no_more_than_was_shared_out(village: Village) -> None:
    """A row of the table that says less than was reported stands for a batch that no settlement made."""
    village.settle(village.readings(saving(village)))
    village.close()
    unseal(CODE, at=SETTLED_AT)
    with pgtrigger.ignore("programme.Period:append_only"):
        Period.objects.update(shared_mg=0)

    with pytest.raises(BeyondTheBound):
        lot_of(village)


@pytest.mark.parametrize("code", ["shanghai/household-electricity", "shenzhen/household-electricity"])
def test_a_households_own_months_are_never_certified(village: Village, code: str) -> None:
    with pytest.raises(HouseholdAlone) as refused:
        certify(
            replace(LOT, methodology=code),
            places=village.places,
            jurisdiction=village.jurisdiction,
            library=village.library,
        )

    assert refused.value.code == "registry.household_alone"


def test_a_home_is_on_one_list_alone_however_it_is_typed(village: Village) -> None:
    """Two homes of the village on a list of twenty others, one of them in other letters."""
    others = [f"other-{number:02}" for number in range(20)]

    with pytest.raises(HomesListedBefore) as refused, transaction.atomic():
        village.open(code="again", homes=[*others, HOMES[0], HOMES[1].upper()])
    made = village.open(code="another", homes=others)

    assert refused.value.facts == {"count": 2}
    assert (made.listed_homes.count(), get_programme(CODE).listed_homes.count()) == (20, 40)
    with pytest.raises(DatabaseError), transaction.atomic():
        ListedHome.objects.all().delete()


def test_the_design_is_kept_by_the_database(village: Village) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Programme.objects.update(percent=1)
    assert design().percent == 30
