"""Inputs: everything a close depends on, gathered at one moment and frozen by digest before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db import connection

from tanpuhui.close import evidence_of, yearly
from tanpuhui.close.balance import station_file, weighed_body
from tanpuhui.close.evidence_of import EvidenceFile
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.store import FileAltered, FileMissing, checked
from tanpuhui.consent import gate
from tanpuhui.evidence import distances as station_distances
from tanpuhui.evidence.lake import UNLINKED
from tanpuhui.integrity import held
from tanpuhui.kit.erased import standing
from tanpuhui.kit.moment import day_bounds_us, local_day, to_us
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.bucket import BucketFiles, Window
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rules import Reporter, Rules, rules_of

HELD_SCHEMA = pa.schema([("account_id", pa.int64()), ("record_id", pa.int64()), ("rule", pa.string())])


@dataclass(frozen=True)
class Inputs:
    """The frozen inputs of one close: the rules in force, the files of each bucket, and all of it by digest.

    ``body`` goes into the manifest as it is. ``consent_mark`` is the last change of any grant that was seen, and
    ``previous`` the manifest that stood, ``year`` those of the year's other days whose credits count against caps;
    all three are looked at again when the result is posted.
    """

    day: date
    as_of: datetime
    rules: Rules
    window: Window
    buckets: Mapping[int, BucketFiles]
    distances: pa.Table
    body: dict[str, Any]
    consent_mark: int
    previous: Manifest | None
    year: tuple[str, ...] = ()


def gather(day: date, at: datetime, places: Places, jurisdiction: Jurisdiction, library: Library) -> Inputs:
    """Freeze the inputs of a day as of a moment; runs in the caller's transaction, which locks out consent changes."""
    gate.lock_for_close(connection)
    grants, mark = gate.snapshot_with_mark(connection, at)
    reporters = evidence_of.reporters(day)
    rules = rules_of(day, jurisdiction, library, reporters)
    distances = station_distances.distance_table()
    previous = standing_manifest(day)
    evidence = evidence_of.files_around(day)
    days = yearly.other_days(day, rules)
    resolved = evidence_of.resolve_unknown(evidence, places.lake, places.buckets)
    earliest = first_start(day, evidence, resolved, jurisdiction.zone, places)
    body = {
        "day": day.isoformat(),
        "jurisdiction": {"code": jurisdiction.code, "digest": jurisdiction.digest, "zone": jurisdiction.zone},
        "buckets": places.buckets,
        "reporters": [_reporter_body(reporter) for reporter in reporters],
        "methodologies": methodology_bodies(rules),
        "evidence": [file.body() for file in evidence],
        "revisions": [file.body() for file in evidence_of.revision_files(day)],
        "resolved": _frozen_by_bucket(resolved, places),
        "grants": _frozen_by_bucket(_split(grants, places.buckets), places),
        "prior": _frozen_prior(days, rules, places),
        "distances": places.frozen.put(distances),
        **_held(day, places),
        **weighed_body(day, jurisdiction.zone, balancing(reporters), places, previous),
        "standing": results_by_bucket(previous),
        "earlier": {
            "from": earliest.isoformat(),
            "closes": [
                _earlier_body(manifest) for manifest in standing_between(earliest, day - timedelta(days=1))
            ],
        },
    }
    inputs = thaw(body, at, rules, places, consent_mark=mark, previous=previous)
    return replace(inputs, year=_digests(days))


def thaw(
    body: dict[str, Any],
    as_of: datetime,
    rules: Rules,
    places: Places,
    *,
    consent_mark: int = 0,
    previous: Manifest | None = None,
) -> Inputs:
    """Inputs again from their frozen form; every file is checked against its digest."""
    first_us, next_us = day_bounds_us(rules.day, rules.jurisdiction.zone)
    revisions = tuple(checked(places.lake / file["path"], file["digest"]) for file in body["revisions"])
    numbers = [*range(body["buckets"]), UNLINKED]
    return Inputs(
        day=rules.day,
        as_of=as_of,
        rules=rules,
        window=Window(first_us, next_us, to_us(as_of)),
        buckets={number: _bucket_files(number, body, revisions, places) for number in numbers},
        distances=pq.read_table(places.frozen.checked(body["distances"])),
        body=body,
        consent_mark=consent_mark,
        previous=previous,
    )


def standing_manifest(day: date) -> Manifest | None:
    """The manifest that stands for a day: the last one, or ``None`` of a day that was never closed."""
    return Manifest.objects.filter(day=day).order_by("-sequence").first()


def first_start(
    day: date,
    evidence: Sequence[EvidenceFile],
    resolved: Mapping[int, pa.Table],
    zone: str,
    places: Places,
) -> date:
    """The day on which the earliest act of a day and of a known person began, the day before it at the latest."""
    paths = [places.lake / file.path for file in evidence if file.day == day and file.bucket != UNLINKED]
    starts = [
        *_first_starts(paths),
        *(
            pc.min(table["started_us"]).as_py()
            for bucket, table in resolved.items()
            if bucket != UNLINKED and len(table)
        ),
    ]
    return min([day - timedelta(days=1), *(local_day(at_us, zone) for at_us in starts)])


def standing_between(first: date, last: date) -> list[Manifest]:
    """The manifests that stand for the closed days from the first through the last, in order."""
    closed = Manifest.objects.filter(day__gte=first, day__lte=last)
    return list(closed.order_by("day", "-sequence").distinct("day"))


def _first_starts(paths: Sequence[Path]) -> list[int]:
    """The earliest start in each file, as its own statistics have it."""
    starts = []
    for path in map(standing, paths):
        try:
            footer = pq.read_metadata(path)
        except FileNotFoundError as error:
            raise FileMissing(digest=path.stem, path=path) from error
        except (OSError, pa.ArrowException) as error:
            raise FileAltered(digest=path.stem, path=path) from error
        column = footer.schema.names.index("started_us")
        for number in range(footer.num_row_groups):
            if (group := footer.row_group(number)).num_rows:
                starts.append(group.column(column).statistics.min)
    return starts


def _earlier_body(manifest: Manifest) -> dict[str, Any]:
    """An earlier day's close as an input: its own evidence, and its results by bucket."""
    inputs = manifest.body["inputs"]
    return {
        "day": manifest.day.isoformat(),
        "evidence": [file for file in inputs["evidence"] if file["day"] == inputs["day"]],
        "resolved": inputs["resolved"],
        "results": results_by_bucket(manifest),
    }


def methodology_bodies(rules: Rules) -> list[dict[str, Any]]:
    """The methodologies in use, by digest, with the day whose factors they use."""
    return [
        {
            "code": applied.methodology.code,
            "version": applied.methodology.version,
            "digest": applied.methodology.digest,
            "factors_of": applied.factors_of.isoformat(),
        }
        for applied in rules.applied
    ]


def _held(day: date, places: Places) -> dict[str, Any]:
    """Acts of the day that a rule against fraud holds, as an input; nothing at all where none is held."""
    rows = held.rows_of(day)
    if not rows:
        return {}
    columns = [[row[place] for row in rows] for place in range(len(HELD_SCHEMA))]
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, HELD_SCHEMA, strict=True)], HELD_SCHEMA)
    files = _frozen_by_bucket(_split(table, places.buckets), places)
    return {"held": {"acts": len(rows), "digest": held.digest_of(rows), "files": files}}


def balancing(reporters: Sequence[Reporter]) -> list[str]:
    """The providers whose stations must balance."""
    return [reporter.provider for reporter in reporters if reporter.must_balance]


def _reporter_body(reporter: Reporter) -> dict[str, Any]:
    return {
        "provider": reporter.provider,
        "kinds": list(reporter.kinds),
        "precedence": reporter.precedence,
        **({"must_balance": True} if reporter.must_balance else {}),
    }


def _bucket_files(
    number: int, body: Mapping[str, Any], revisions: tuple[Path, ...], places: Places
) -> BucketFiles:
    return BucketFiles(
        records=_record_files(body, number, places),
        revisions=revisions,
        grants=_frozen_files(body["grants"], number, places),
        prior=_frozen_files(body["prior"], number, places),
        standing=_standing_files(body["standing"], number, places),
        held=_frozen_files(body.get("held", {}).get("files", {}), number, places),
        stations=station_file(body, places),
        earlier_records=tuple(
            path for close in body["earlier"]["closes"] for path in _record_files(close, number, places)
        ),
        earlier_ends=tuple(
            path
            for close in body["earlier"]["closes"]
            for path in _standing_files(close["results"], number, places)
        ),
    )


def _record_files(body: Mapping[str, Any], number: int, places: Places) -> tuple[Path, ...]:
    """Files of records of a bucket: those of the lake, and those whose persons were found out when it was closed."""
    taken = [
        checked(places.lake / file["path"], file["digest"])
        for file in body["evidence"]
        if file["bucket"] == number and number != UNLINKED
    ]
    return (*taken, *_frozen_files(body["resolved"], number, places))


def _frozen_files(digests: Mapping[str, str], number: int, places: Places) -> tuple[Path, ...]:
    digest = digests.get(str(number))
    return (places.frozen.checked(digest),) if digest else ()


def _standing_files(digests: Mapping[str, str], number: int, places: Places) -> tuple[Path, ...]:
    digest = digests.get(str(number))
    return (places.results.checked(digest),) if digest else ()


def results_by_bucket(previous: Manifest | None) -> dict[str, str]:
    """The result files of a close, by bucket; empty of a day that was never closed."""
    outputs = previous.body["outputs"] if previous else []
    return {str(output["bucket"]): output["results"] for output in outputs if output["rows"]}


def _frozen_by_bucket(tables: Mapping[int, pa.Table], places: Places) -> dict[str, str]:
    return {str(number): places.frozen.put(table) for number, table in sorted(tables.items()) if len(table)}


def _split(table: pa.Table, buckets: int) -> dict[int, pa.Table]:
    """A table by bucket of its account."""
    if not len(table):
        return {}
    account = table["account_id"]
    number = pc.subtract(account, pc.multiply(pc.divide(account, buckets), buckets))
    return {bucket: table.filter(pc.equal(number, bucket)) for bucket in range(buckets)}


def prior_changed(inputs: Inputs, places: Places) -> bool:
    """Whether closes of other days of the year have changed what counts against its caps since it was gathered."""
    days = yearly.other_days(inputs.day, inputs.rules)
    if _digests(days) == inputs.year:
        return False
    return bool(_frozen_prior(days, inputs.rules, places) != inputs.body["prior"])


def _frozen_prior(days: Sequence[yearly.OtherDay], rules: Rules, places: Places) -> dict[str, str]:
    return _frozen_by_bucket(_split(yearly.prior(days, rules, places), places.buckets), places)


def _digests(days: Sequence[yearly.OtherDay]) -> tuple[str, ...]:
    return tuple(day.digest for day in days)


def read_credits(outputs: Sequence[Mapping[str, Any]], places: Places) -> pa.Table:
    """The credits of a close, all buckets: account_id, methodology, credited_mg."""
    tables = [pq.read_table(places.results.checked(output["credits"])) for output in outputs]
    return pa.concat_tables(tables)
