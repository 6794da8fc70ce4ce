"""Users, organisations and moments that the tests of access share."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from tanpuhui.access.models import Organisation, User
from tanpuhui.access.organise import organise

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
LATER = AT + timedelta(hours=1)
_numbers = count(1)


def user(email: str | None = None) -> User:
    return User.objects.create_user(email or f"person-{next(_numbers)}@example.org")


def organisation(kind: str = Organisation.COMPANY) -> Organisation:
    return organise(kind, f"one-{next(_numbers)}", name_zh="甲", name_en="One", at=AT)
