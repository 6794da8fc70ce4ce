"""Said: where somebody said that they live, when their data was only kept, and breaches that they were told of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.consent.artefact import moment_text
from tanpuhui.consent.models import HomeDistrict, Restriction
from tanpuhui.rights.breach import notices_of


def district(account: int, *, at: datetime) -> dict[str, str] | None:
    """The district, as a section of the record of an account; nobody has to say one."""
    found = HomeDistrict.objects.filter(resident_id=account, said_at__lte=at).first()
    return {"code": found.code, "said_at": moment_text(found.said_at)} if found else None


def restrictions(account: int, *, at: datetime) -> list[dict[str, str | None]]:
    """From when to when nothing but keeping was done with the data, as a section of the record."""
    found = Restriction.objects.filter(resident_id=account, began_at__lte=at).order_by("pk")
    return [
        {
            "began_at": moment_text(one.began_at),
            "ended_at": moment_text(one.ended_at) if one.ended_at else None,
        }
        for one in found
    ]


def breaches(account: int, *, at: datetime) -> list[dict[str, Any]]:
    """What happened to this person's data, as they were told of it, as a section of the record."""
    del at
    return [
        {
            "number": one.breach.pk,
            "happened_at": moment_text(one.breach.happened_at) if one.breach.happened_at else None,
            "found_at": moment_text(one.breach.found_at),
            **{
                name: getattr(one.breach, name)
                for name in ("kinds", "cause", "harm", "measures", "advice", "contact")
            },
        }
        for one in notices_of(account)
    ]
