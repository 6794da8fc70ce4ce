"""Rule: how reductions become points on a day, as the jurisdiction's dated tables say; read here and nowhere else."""

from __future__ import annotations

import calendar
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from tanpuhui.points.refusals import NoConversion
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rule_tables import STAY


@dataclass(frozen=True)
class ConversionRule:
    """A rule in force: milligrams a point, whether the claim to sell is used up, how long points are good.

    ``validity_months`` of ``None`` says that points do not expire. ``status`` is the weakest of its parts.
    """

    jurisdiction: str
    mg_per_point: int
    consumes_claim: bool
    validity_months: int | None
    transferable: bool
    status: str
    source: str
    #: What becomes of points whose reduction is clawed back afterwards; the conversion keeps the rule of its day.
    on_clawback: str = STAY

    def as_json(self) -> dict[str, Any]:
        """JSON-ready values; ``on_clawback`` is left out where points stay, as before rules could say it."""
        values = asdict(self)
        if self.on_clawback == STAY:
            del values["on_clawback"]
        return values

    def expires_at(self, at: datetime) -> datetime:
        """When points are over that are made at a moment: so many months later, at most the month's last day."""
        return _months_later(at, self.validity_months)


_STATUSES = ("official", "published", "secondary", "illustrative")


def good_until(jurisdiction: Jurisdiction, day: date, at: datetime) -> datetime:
    """When points are over that come to somebody at a moment in another way than by converting."""
    validity = jurisdiction.rule("points_validities", day)
    return _months_later(at, int(validity.content["months"]) if validity else None)


def _months_later(at: datetime, months: int | None) -> datetime:
    if months is None:
        return datetime(9999, 12, 31, tzinfo=at.tzinfo)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, calendar.monthrange(year, month + 1)[1]))


def conversion_rule(jurisdiction: Jurisdiction, day: date) -> ConversionRule:
    """The rule of a day; refuses where there is none. Points are not transferable unless a rule says so."""
    conversion = jurisdiction.rule("points_conversions", day)
    if conversion is None:
        raise NoConversion(jurisdiction=jurisdiction.code, day=day)
    validity = jurisdiction.rule("points_validities", day)
    transfers = jurisdiction.rule("points_transfers", day)
    parts = [rule for rule in (conversion, validity, transfers) if rule is not None]
    return ConversionRule(
        jurisdiction=jurisdiction.code,
        mg_per_point=int(conversion.content["mg_per_point"]),
        consumes_claim=bool(conversion.content["consumes_claim"]),
        validity_months=int(validity.content["months"]) if validity else None,
        transferable=bool(transfers.content["transferable"]) if transfers else False,
        status=max((rule.status for rule in parts), key=_STATUSES.index),
        source="; ".join(dict.fromkeys(rule.source for rule in parts)),
        on_clawback=str(conversion.content.get("on_clawback", STAY)),
    )
