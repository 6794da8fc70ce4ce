"""Window: on which rung and against which baseline months are measured, declared before they begin."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from tanpuhui.programme.find import periods_of
from tanpuhui.programme.models import Window
from tanpuhui.programme.month import later
from tanpuhui.programme.refusals import BadRung, BaselineTooLate, WindowSettled, WindowTooEarly


def declare(window: Window, *, at: datetime) -> Window:
    """Declare a window of a programme. A rung is never changed within one, nor after its months are known."""
    refuse_unfit(window, at)
    settled = periods_of(window.programme)
    if settled and settled[-1].last_day >= window.starts_on:
        raise WindowSettled(last=settled[-1].last_day, starts_on=window.starts_on)
    same = {"programme": window.programme, "starts_on": window.starts_on}
    before = Window.objects.filter(**same, rung=window.rung, baseline_from=window.baseline_from).first()
    if before is not None:
        return before
    if Window.objects.filter(**same).exists():
        raise WindowSettled(last=window.starts_on, starts_on=window.starts_on)
    window.declared_at = at
    window.save(force_insert=True)
    return window


def refuse_unfit(window: Window, at: datetime) -> None:
    """A known rung, a baseline that is over, a beginning that is still to come."""
    if window.rung not in dict(Window.RUNGS):
        raise BadRung(given=window.rung)
    if later(window.baseline_from, 12) > window.starts_on:
        raise BaselineTooLate(baseline=window.baseline_from, starts_on=window.starts_on)
    today = at.astimezone(ZoneInfo(window.programme.zone)).date()
    if today >= window.starts_on:
        raise WindowTooEarly(starts_on=window.starts_on, today=today)
