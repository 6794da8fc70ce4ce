"""District: where somebody says that they live; said for the map of districts alone, and taken back at any time."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.consent.models import HomeDistrict
from tanpuhui.consent.show import get_resident


def say_district(account: int, code: str, *, at: datetime) -> None:
    """Keep the district that somebody named, instead of any before. ``code`` is one of the jurisdiction's."""
    get_resident(account)
    HomeDistrict.objects.update_or_create(resident_id=account, defaults={"code": code, "said_at": at})


def forget_district(account: int) -> bool:
    """Forget it; whether there was one."""
    return HomeDistrict.objects.filter(resident_id=account).delete()[0] > 0


def district_of(account: int) -> str | None:
    """The district's code, or nothing."""
    return HomeDistrict.objects.filter(resident_id=account).values_list("code", flat=True).first()
