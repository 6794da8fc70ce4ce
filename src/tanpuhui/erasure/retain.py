"""Retain: what is kept longer than its purpose needs goes, by itself (PIPL articles 19 and 47).

How long, is said where somebody agreed to it: ``data_life`` of the grant, or of the purpose; for what has no grant,
here. What is deleted is counted by rule. Rows go past the triggers, so it runs as the owner of the tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.db import connections, transaction

from tanpuhui.close import erase as lake
from tanpuhui.close.places import Places
from tanpuhui.consent.policy import policy
from tanpuhui.erasure.erase import allow
from tanpuhui.evidence.lake import without_sweep
from tanpuhui.kit.moment import day_bounds_us

#: Refused rows wait this long for a correction; what proves that a right was granted is kept three years (PIPL 56).
QUARANTINE, PROOF, USED_UP = timedelta(days=90), timedelta(days=3 * 366), timedelta(days=30)
_INTERVAL = (
    "make_interval(days => CASE {0}->>'unit' WHEN 'DAY' THEN 1 WHEN 'WEEK' THEN 7 ELSE 0 END * ({0}->>'value')::int, "
    "months => CASE {0}->>'unit' WHEN 'MONTH' THEN 1 WHEN 'YEAR' THEN 12 ELSE 0 END * ({0}->>'value')::int)"
)


@dataclass(frozen=True)
class Rule:
    """What goes, how long it is kept, and the order that takes it, over the moment ``at``."""

    name: str
    kept: str
    table: str
    order: str


def rules() -> tuple[Rule, ...]:
    """Every rule for tables, in order; what refers to something goes before it."""
    life = _INTERVAL.format("g.artefact->'data_life'")
    publication = policy().purposes["publication"].data_life
    return (
        Rule(
            "statements shown",
            "data_life of the grant",
            "disclosure_statement",
            "UPDATE disclosure_statement s SET content = '{}' FROM consent_grant g WHERE g.id = s.grant_id "
            f"AND s.content <> '{{}}' AND g.artefact->'data_life'->>'unit' <> 'INF' AND s.made_at + {life} < %(at)s",
        ),
        Rule(
            "nicknames given up",
            f"{publication['value']} {publication['unit']} (publication)",
            "community_nickname",
            f"DELETE FROM community_nickname WHERE ended_at < %(at)s - {_interval(publication)}",
        ),
        Rule(
            "refused rows, answered",
            f"{QUARANTINE.days} DAY",
            "evidence_resolution",
            "DELETE FROM evidence_resolution WHERE row_id IN (SELECT r.id FROM evidence_quarantinedrow r "
            "JOIN evidence_batch b ON b.id = r.batch_id "
            f"WHERE b.received_at < %(at)s - interval '{QUARANTINE.days} days')",
        ),
        Rule(
            "refused rows",
            f"{QUARANTINE.days} DAY",
            "evidence_quarantinedrow",
            "DELETE FROM evidence_quarantinedrow r USING evidence_batch b WHERE b.id = r.batch_id "
            f"AND b.received_at < %(at)s - interval '{QUARANTINE.days} days'",
        ),
        Rule(
            "codes handed over",
            f"{USED_UP.days} DAY after their end",
            "disclosure_reference_code",
            f"DELETE FROM disclosure_reference_code WHERE expires_at < %(at)s - interval '{USED_UP.days} days'",
        ),
        Rule(
            "letters that ended",
            f"{USED_UP.days} DAY after their end",
            "vault.letter",
            f"DELETE FROM vault.letter WHERE ended_at < %(at)s - interval '{USED_UP.days} days'",
        ),
        Rule(
            "sessions that ended",
            "until their end",
            "vault.session",
            "DELETE FROM vault.session WHERE expire_date < %(at)s",
        ),
        Rule(
            "words of requests",
            f"{PROOF.days} DAY after the answer",
            "rights_request",
            f"UPDATE rights_request r SET words = '(erased)' WHERE words <> '(erased)' AND {_ANSWERED}",
        ),
        Rule(
            "words of answers",
            f"{PROOF.days} DAY after the answer",
            "rights_request_step",
            "UPDATE rights_request_step s SET words = '(erased)' FROM rights_request r WHERE r.id = s.request_id "
            f"AND s.words NOT IN ('', '(erased)') AND {_ANSWERED}",
        ),
        Rule(
            "what visits were for",
            f"{PROOF.days} DAY",
            "rights_visit",
            f"UPDATE rights_visit SET reason = '(erased)' WHERE reason <> '(erased)' "
            f"AND ends_at < %(at)s - interval '{PROOF.days} days'",
        ),
    )


_ANSWERED = (
    "EXISTS (SELECT FROM rights_request_step l WHERE l.request_id = r.id "
    f"AND l.state IN ('done', 'refused', 'taken_back') AND l.at < %(at)s - interval '{PROOF.days} days')"
)


def retain(*, at: datetime) -> dict[str, int]:
    """Delete what is over in tables, in a transaction of the owner's; answers how many rows by rule."""
    alias = "owner" if "owner" in connections.databases else "default"
    found: dict[str, int] = {}
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        known = rules()
        allow(cursor, [rule.table for rule in known])
        for rule in known:
            cursor.execute(rule.order, {"at": at})
            found[rule.name] = cursor.rowcount
        cursor.execute("SET LOCAL pgtrigger.ignore = '{}'")
    return found


def last_day_over(*, at: datetime, zone: str = "Asia/Shanghai") -> date:
    """The last local day whose acts are kept no longer: quantification's ``data_life`` is over for all of it."""
    life = policy().purposes["quantification"].data_life
    today = at.astimezone(ZoneInfo(zone)).date()
    return _before(today, life) - timedelta(days=1)


def retain_acts(places: Places, *, at: datetime, zone: str = "Asia/Shanghai") -> Mapping[str, int]:
    """Empty the lake's files of days that are over, as the owner; sums stay in the ledger, manifests and notes."""
    last = last_day_over(at=at, zone=zone)
    until_us = day_bounds_us(last, zone)[1]
    with without_sweep():
        prepared = lake.prepare_days(last, until_us, uuid4(), places, at=at)
        if not prepared.files:
            return {"files": 0, "rows": 0}
        with transaction.atomic():
            lake.record(prepared)
    lake.finish(places)
    return {"files": len(prepared.files), "rows": prepared.rows}


def listed() -> Iterator[dict[str, str]]:
    """The rules in words, the lake's last."""
    for rule in rules():
        yield {"what": rule.name, "kept": rule.kept}
    life = policy().purposes["quantification"].data_life
    yield {"what": "acts in the lake", "kept": f"{life['value']} {life['unit']} (quantification)"}


def _interval(life: Mapping[str, Any]) -> str:
    unit = {"DAY": "days", "MONTH": "months", "YEAR": "years"}[life["unit"]]
    return f"interval '{int(life['value'])} {unit}'"


def _before(day: date, life: Mapping[str, Any]) -> date:
    """A day so long before, at most on the last of its month."""
    if life["unit"] == "DAY":
        return day - timedelta(days=life["value"])
    months = day.year * 12 + day.month - 1 - life["value"] * {"MONTH": 1, "YEAR": 12}[life["unit"]]
    year, month = divmod(months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
