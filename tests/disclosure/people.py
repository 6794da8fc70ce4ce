"""A resident with a consent for a bank, as the tests of disclosure share it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tanpuhui.consent.give import give
from tanpuhui.consent.models import Grant
from tanpuhui.consent.open_account import open_account
from tanpuhui.disclosure.hand_over import terms

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
MINUTE = timedelta(minutes=1)


def consent(*kinds: str, recipient: str = "bank", account: int | None = None) -> Grant:
    """A consent in force at :data:`AT`."""
    return give(account or open_account(at=AT), terms(recipient, *kinds), at=AT, method="test")
