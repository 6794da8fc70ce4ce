"""Limits: after how long somebody who is signed in has to show again who they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Limits:
    """After how long without use, and after how long at all, somebody has to show again who they are."""

    unused: timedelta
    whole: timedelta


#: A resident's own account: two weeks without use, a month at most; what changes how one signs in asks again anyway.
RESIDENT = Limits(unused=timedelta(days=14), whole=timedelta(days=30))
#: Whoever acts for an organisation or is of the staff: a working day.
ORGANISATION = Limits(unused=timedelta(hours=1), whole=timedelta(hours=12))
