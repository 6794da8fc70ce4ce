"""Window: on which rung and against which baseline months are measured, declared before they begin."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tanpuhui.baseline.comparison import ALL, COMPARISONS
from tanpuhui.close.places import Places
from tanpuhui.programme.estimate import Limit, needs_a_year
from tanpuhui.programme.find import periods_of
from tanpuhui.programme.frozen import freeze
from tanpuhui.programme.models import Opening, Window
from tanpuhui.programme.month import later
from tanpuhui.programme.readings import MOST_WH
from tanpuhui.programme.refusals import (
    BadComparison,
    BadLimit,
    BadRung,
    BaselineNeeded,
    BaselineTooLate,
    ShortHistoryLate,
    WindowAfterOpening,
    WindowDeclared,
    WindowSettled,
    WindowTooEarly,
)

#: A limit of less than a home's own baseline is none, and one of a hundred times says nothing.
LEAST_PERCENT, MOST_PERCENT = 100, 10_000


def declare(
    window: Window, *, at: datetime, baseline: Path | None = None, places: Places | None = None
) -> Window:
    """Declare a window of a programme. A rung is never changed within one, nor after its months are known, nor once it
    is known who was held out: baselines of both groups say beforehand which rung, year or comparison credits more.

    Readings of its baseline, where there are any, are frozen in ``places`` with it.
    """
    refuse_unknown(window)
    refuse_opened(window)
    if baseline is not None:
        assert places is not None
        window.baseline = freeze(baseline, window, at=at, places=places)
    refuse_unfit(window, at)
    settled = periods_of(window.programme)
    if settled and settled[-1].last_day >= window.starts_on:
        raise WindowSettled(last=settled[-1].last_day, starts_on=window.starts_on)
    same = {"programme": window.programme, "starts_on": window.starts_on}
    declared = ("rung", "baseline_from", "baseline", "comparison", "limit_percent", "limit_wh")
    before = Window.objects.filter(**same, **{name: getattr(window, name) for name in declared}).first()
    if before is not None:
        return before
    if Window.objects.filter(**same).exists():
        raise WindowDeclared(starts_on=window.starts_on)
    window.declared_at = at
    window.save(force_insert=True)
    return window


def refuse_opened(window: Window) -> None:
    """A window that is new comes before the opening of the hold-out; one that is there already is declared again."""
    programme = window.programme
    opened = Opening.objects.filter(programme=programme).exists()
    if opened and not programme.windows.filter(starts_on=window.starts_on).exists():
        last = programme.windows.order_by("starts_on").last()
        assert last is not None
        raise WindowAfterOpening(code=programme.code, starts_on=last.starts_on, rung=last.rung)


def limit_of(window: Window) -> Limit:
    """What a home is taken to use at most, as the window declares it."""
    return Limit(percent=window.limit_percent, energy_wh=window.limit_wh)


def refuse_unfit(window: Window, at: datetime) -> None:
    """What is known, a baseline that is over, frozen where it must be, and a beginning that is still to come."""
    refuse_unknown(window)
    if not window.baseline and (needs_a_year(window.rung, window.comparison) or limit_of(window).is_declared):
        raise BaselineNeeded(rung=window.rung, comparison=window.comparison)
    if window.rung == Window.L2 and window.programme.windows.exclude(starts_on=window.starts_on).exists():
        raise ShortHistoryLate(code=window.programme.code)
    if later(window.baseline_from, 12) > window.starts_on:
        raise BaselineTooLate(baseline=window.baseline_from, starts_on=window.starts_on)
    today = at.astimezone(ZoneInfo(window.programme.zone)).date()
    if today >= window.starts_on:
        raise WindowTooEarly(starts_on=window.starts_on, today=today)


def refuse_unknown(window: Window) -> None:
    """What can be said of rung, comparison and limit without looking anything up."""
    if window.rung not in dict(Window.RUNGS):
        raise BadRung(given=window.rung)
    if window.comparison not in COMPARISONS or (window.rung == Window.L5 and window.comparison != ALL):
        raise BadComparison(given=window.comparison, rung=window.rung)
    percent = window.limit_percent
    if (percent and not LEAST_PERCENT <= percent <= MOST_PERCENT) or not 0 <= window.limit_wh <= MOST_WH:
        raise BadLimit(percent=percent, energy_wh=window.limit_wh, most_wh=MOST_WH)
