"""Exclusions: a register of what emissions trading, CCER or green certificates cover: it is not certified here."""

from __future__ import annotations

import csv
import hmac
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from tanpuhui.evidence.models import Contract, LakeFile, Subject
from tanpuhui.evidence.record import ASSEMBLED
from tanpuhui.evidence.subjects import pseudonym_key
from tanpuhui.kit.digest import digest_bytes
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.models import Exclusion
from tanpuhui.registry.refusals import BadExclusions, Excluded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COLUMNS = ("kind", "key", "market", "from", "to", "clause", "source")
_LONGEST = 500


@dataclass(frozen=True)
class Row:
    """One line of a register's file, read and checked."""

    kind: str
    key: str
    provider: str
    market: str
    first_day: date
    last_day: date | None
    clause: str
    source: str

    @classmethod
    def of(cls, stored: Exclusion) -> Row:
        return cls(
            stored.kind,
            stored.key,
            stored.provider,
            stored.market,
            stored.first_day,
            stored.last_day,
            stored.clause,
            stored.source,
        )


@dataclass(frozen=True)
class Imported:
    """What an import added, and how many of its lines the register had already."""

    added: int
    known: int


def import_exclusions(file: Path, *, at: datetime) -> Imported:
    """Add a file's lines to the register, in the caller's transaction: all of them, or a refusal and nothing.

    A line that says what stands already adds nothing. A later line about the same thing, market and first day counts
    in place of an earlier one: that is how an exclusion ends.
    """
    content = file.read_bytes()
    digest = digest_bytes(content)
    rows = list(_rows(file.name, content))
    standing = {_identity(Row.of(one)): Row.of(one) for one in register()}
    fresh = []
    for number, row in rows:
        if standing.get(_identity(row)) == row:
            continue
        standing[_identity(row)] = row
        fresh.append((number, row))
    already = set(Exclusion.objects.filter(file=digest).values_list("line", flat=True))
    added = Exclusion.objects.bulk_create(
        Exclusion(
            kind=row.kind,
            key=row.key,
            provider=row.provider,
            market=row.market,
            first_day=row.first_day,
            last_day=row.last_day,
            clause=row.clause,
            source=row.source,
            file=digest,
            line=number,
            imported_at=at,
        )
        for number, row in fresh
        if number not in already
    )
    return Imported(len(added), len(rows) - len(added))


def register() -> list[Exclusion]:
    """What counts now: the newest row about each thing, market and first day."""
    found = Exclusion.objects.order_by("kind", "key", "provider", "market", "first_day", "-id")
    return list(found.distinct("kind", "key", "provider", "market", "first_day"))


def covering(
    kind: str, keys: Sequence[str], first: date, last: date, *, provider: str = ""
) -> list[Exclusion]:
    """What of the register covers one of these keys on any day from the first to the last."""
    return [
        one
        for one in register()
        if one.kind == kind
        and one.key in keys
        and one.provider == provider
        and one.first_day <= last
        and (one.last_day is None or one.last_day >= first)
    ]


def meter_key(provider: str, number: str) -> str | None:
    """A meter's key as evidence knows it; ``None`` of a provider that never had a contract."""
    contract = Contract.objects.filter(provider=provider).order_by("-version").first()
    if contract is None:
        return None
    digest = hmac.digest(pseudonym_key(contract), number.encode(), "sha256")
    return digest.hex()


def refuse_excluded(
    methodology: str, scope: str, jurisdiction: Jurisdiction, first: date, last: date
) -> None:
    """Refuse a lot whose scope, project, place or reporting organisation another market covers on one of its days."""
    code = methodology.partition("@")[0]
    parts = scope.split(".")
    scopes = [".".join(parts[: length + 1]) for length in range(len(parts))]
    places = [one for one in (jurisdiction.code, jurisdiction.parent) if one]
    projects = [f"{place}:{name}" for place in places for name in (methodology, code)]
    found = [
        *covering(Exclusion.SCOPE, scopes, first, last),
        *covering(Exclusion.PROJECT, projects, first, last),
        *covering(Exclusion.PLACE, places, first, last),
        *_reporting(code, jurisdiction, first, last),
    ]
    for one in found:
        raise Excluded(
            what=one.kind,
            key=one.key,
            market=one.market,
            first_day=one.first_day,
            last_day=one.last_day or "-",
            clause=one.clause,
            source=one.source,
        )


def excluded_accounts(code: str, jurisdiction: Jurisdiction, first: date, last: date) -> dict[int, Exclusion]:
    """Accounts with a meter that another market covers, for acts that the methodology quantifies: left out of a lot."""
    meters = [
        one
        for one in register()
        if one.kind == Exclusion.METER
        and one.first_day <= last
        and (one.last_day is None or one.last_day >= first)
        and code in _methodologies_of(one.provider, jurisdiction)
    ]
    by_key = {(one.provider, bytes.fromhex(one.key)): one for one in meters}
    asked = Q(pk__in=[])
    for provider, digest in by_key:
        asked |= Q(provider=provider, digest=digest)
    subjects = Subject.objects.filter(asked, link__isnull=False).select_related("link")
    return {subject.link.account_id: by_key[subject.provider, bytes(subject.digest)] for subject in subjects}


def _reporting(code: str, jurisdiction: Jurisdiction, first: date, last: date) -> list[Exclusion]:
    """Exclusions of organisations that reported acts of this methodology on one of the lot's days."""
    found = []
    for one in register():
        if one.kind != Exclusion.ORGANISATION or code not in _methodologies_of(one.key, jurisdiction):
            continue
        since, until = max(first, one.first_day), min(last, one.last_day or last)
        reported = LakeFile.objects.filter(
            part=LakeFile.RECORDS, batch__provider=one.key, day__range=(since, until)
        )
        if since <= until and reported.exists():
            found.append(one)
    return found


def _methodologies_of(provider: str, jurisdiction: Jurisdiction) -> set[str]:
    """The methodologies that quantify what a provider's contracts let it report here."""
    kinds: set[str] = set()
    for named in Contract.objects.filter(provider=provider).values_list("kinds", flat=True):
        kinds.update(ASSEMBLED.get(kind, kind) for kind in named)
    return {
        scene.methodology
        for scene in jurisdiction.scenes
        if scene.kind in kinds and (not scene.providers or provider in scene.providers)
    }


def _identity(row: Row) -> tuple[Any, ...]:
    return (row.kind, row.key, row.provider, row.market, row.first_day)


def _rows(name: str, content: bytes) -> Iterator[tuple[int, Row]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadExclusions(
            file=name, line=1, problem="It is not UTF-8.", repair="Save it as UTF-8."
        ) from None
    reader = csv.DictReader(text.splitlines())
    if not set(COLUMNS) <= set(reader.fieldnames or ()):
        raise BadExclusions(
            file=name, line=1, problem="Columns are missing.", repair=f"There are: {', '.join(COLUMNS)}."
        )
    for number, line in enumerate(reader, 2):
        yield number, _row(name, number, {column: (line[column] or "").strip() for column in COLUMNS})


def _row(name: str, number: int, line: dict[str, str]) -> Row:
    def wrong(problem: str, repair: str) -> BadExclusions:
        return BadExclusions(file=name, line=number, problem=problem, repair=repair)

    if line["kind"] not in Exclusion.KINDS:
        raise wrong(f"kind is {line['kind']!r}.", f"One of {', '.join(Exclusion.KINDS)}.")
    if line["market"] not in Exclusion.MARKETS:
        raise wrong(f"market is {line['market']!r}.", f"One of {', '.join(Exclusion.MARKETS)}.")
    for column in ("key", "clause", "source"):
        if not 1 <= len(line[column]) <= _LONGEST:
            raise wrong(f"{column} is empty or too long.", f"Give 1 to {_LONGEST} characters.")
    days = []
    for column in ("from", "to"):
        try:
            days.append(date.fromisoformat(line[column]) if line[column] or column == "from" else None)
        except ValueError:
            raise wrong(f"{column} is {line[column]!r}.", "Write a day: 2025-11-01.") from None
    first, last = days
    assert first is not None
    if last is not None and last < first:
        raise wrong(f"{last} is before {first}.", "Let it follow.")
    provider, key = "", line["key"]
    if line["kind"] == Exclusion.METER:
        provider, colon, meter = key.partition(":")
        digest = meter_key(provider, meter) if colon and meter else None
        if digest is None:
            raise wrong(
                "key names no meter of a provider.", "Write provider:number, of a provider with a contract."
            )
        key = digest
    return Row(line["kind"], key, provider, line["market"], first, last, line["clause"], line["source"])
