"""How long a resident's acts take: a month of one person from the lake, and the trace of one act, in the process.

Run: TANPUHUI_HOME=... .venv/bin/python bench/acts.py   (a home with a city in it: 'tanpuhui demo' makes one)
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import timedelta

ACCOUNTS, DAYS = 50, 30


def main() -> None:
    """Read the last month of fifty accounts twice, and trace every act of theirs."""
    from tanpuhui.project.database import prepare

    prepare()
    from tanpuhui.close.acts import acts_of, closed_days
    from tanpuhui.close.installation import places
    from tanpuhui.close.trace import trace

    here = places()
    (last,) = closed_days(None, None, 1)
    days = [last - timedelta(days=number) for number in range(DAYS)]
    for name in ("first", "again"):
        times = [
            timed_ms(lambda account=account: acts_of(account, days, here)) for account in range(1, ACCOUNTS)
        ]
        print(f"a person's month, {name}: {shown(times)}")
    found = [act for account in range(1, ACCOUNTS) for act in acts_of(account, days, here)]
    for name, wanted in (("reported", False), ("put together from raw records", True)):
        times = [timed_ms(lambda act=act: trace(act, here)) for act in found if act.is_assembled is wanted]
        print(f"the trace of an act, {name}: {shown(times)}")


def timed_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def shown(times: list[float]) -> str:
    worst = sorted(times)[int(len(times) * 0.99) - 1]
    return f"median {statistics.median(times):.1f} ms, 99 % below {worst:.1f} ms, of {len(times)}"


if __name__ == "__main__":
    main()
