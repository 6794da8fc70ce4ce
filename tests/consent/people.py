"""People, terms and moments that the tests of consent share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from threading import Barrier, Thread
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connections

from tanpuhui.consent.give import give
from tanpuhui.consent.models import Grant
from tanpuhui.consent.open_account import Facts, open_account, open_accounts
from tanpuhui.consent.terms import Terms
from tanpuhui.kit.moment import to_us

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
LATER = datetime(2026, 3, 9, 9, 0, tzinfo=SHANGHAI)
DAY_FROM_US = to_us(datetime(2026, 3, 2, tzinfo=SHANGHAI))
#: An act of ten minutes on the morning of 3 March.
STARTED_US = to_us(datetime(2026, 3, 3, 8, 0, tzinfo=SHANGHAI))
ENDED_US = to_us(datetime(2026, 3, 3, 8, 10, tzinfo=SHANGHAI))
ACT = {"started_us": STARTED_US, "ended_us": ENDED_US}
METRO = Terms("szt", ("metro_trip",))


def adult() -> int:
    """An account of somebody whose birth date is not known."""
    return open_account(at=AT)


def child(born: date = date(2015, 6, 1)) -> tuple[int, int]:
    """The accounts of a child and of their guardian."""
    guardian = adult()
    return open_accounts(1, at=AT, facts={0: Facts(born, guardian)})[0], guardian


def metro_grant(account: int | None = None, **changes: Any) -> Grant:
    """A grant for metro trips, given on 2 March 2026 at 9 o'clock."""
    terms = Terms(**{"provider": "szt", "kinds": ("metro_trip",), **changes})
    return give(account or adult(), terms, at=AT, method="test")


def in_parallel(works: list[Callable[[], Any]]) -> list[Any]:
    """Run these at once, each in a thread and connection of its own; errors are results."""
    results: list[Any] = [None] * len(works)
    start = Barrier(len(works))

    def run(number: int) -> None:
        try:
            start.wait()
            results[number] = works[number]()
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
