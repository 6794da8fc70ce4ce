"""Show: a programme as commands and pages tell it; what is sealed stays sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from tanpuhui.access.models import AuditEntry
from tanpuhui.close.places import Places
from tanpuhui.programme.find import periods_of
from tanpuhui.programme.models import Period, Programme, Window

#: How the audit trail calls a try to join homes of which some are held out.
REFUSED_JOIN = "programme.join_refused"
_NUMBERS = (
    "homes",
    "joined",
    "held_out",
    "left_out",
    "limited",
    "above_limit",
    "modelled",
    "saved_wh",
    "error_wh",
    "bound_wh",
    "carried_in_wh",
    "carried_out_wh",
    "certifiable_wh",
    "certifiable_mg",
    "shared_mg",
    "batch",
)


def as_json(programme: Programme) -> dict[str, Any]:
    """Everything that is published of a programme."""
    opening = getattr(programme, "opening", None)
    return {
        "programme": programme.code,
        "title": {"zh": programme.title_zh, "en": programme.title_en},
        "methodology": programme.methodology,
        "homes": programme.homes,
        "held_out": programme.held_out,
        "percent": programme.percent,
        "commitment": programme.commitment,
        "drawn_at": programme.opened_at.isoformat(),
        "hold_out_opened_at": opening.at.isoformat() if opening else None,
        "refused_joins": AuditEntry.objects.filter(
            verb=REFUSED_JOIN, object_kind="programme", object_key=programme.code
        ).count(),
        "windows": [window_as_json(one) for one in programme.windows.order_by("starts_on")],
        "periods": [period_as_json(one) for one in periods_of(programme)],
    }


def period_as_json(period: Period) -> dict[str, Any]:
    """A settled period with its digests and numbers."""
    return {
        "programme": period.window.programme_id,
        "rung": period.window.rung,
        "first": period.first_day.isoformat(),
        "last": period.last_day.isoformat(),
        "comparison": period.comparison,
        "readings": period.readings,
        "temperature": period.temperature or None,
        "shares": period.shares,
        "settled_at": period.settled_at.isoformat(),
        **{name: getattr(period, name) for name in _NUMBERS},
    }


@dataclass(frozen=True)
class HomeShare:
    """What a joined home has of a period, by its number; energy in Wh, what is carried is 0 or below."""

    home: int
    estimate_wh: int
    carried_in_wh: int
    carried_out_wh: int
    share_mg: int


def shares_of(period: Period, places: Places) -> list[HomeShare]:
    """The frozen shares of a period by number of home; a file that was altered is refused."""
    rows = pq.read_table(places.frozen.checked(period.shares)).to_pylist()
    return [HomeShare(row.pop("subject_id"), **row) for row in rows]


def window_as_json(window: Window) -> dict[str, Any]:
    """A window as it was declared."""
    return {
        "rung": window.rung,
        "baseline_from": window.baseline_from.isoformat(),
        "starts_on": window.starts_on.isoformat(),
        "comparison": window.comparison,
        "baseline": window.baseline or None,
        "limit_percent": window.limit_percent or None,
        "limit_wh": window.limit_wh or None,
        "declared_at": window.declared_at.isoformat(),
    }
