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

from tanpuhui.close import evidence_of
from tanpuhui.close.evidence_of import EvidenceFile
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.store import FileAltered, FileMissing, checked
from tanpuhui.consent import gate
from tanpuhui.evidence import distances as station_distances
from tanpuhui.evidence.lake import UNLINKED
from tanpuhui.kit.moment import day_bounds_us, local_day, to_us
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.bucket import BucketFiles, Window
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rules import Reporter, Rules, rules_of

PRIOR_SCHEMA = pa.schema([("account_id", pa.int64()), ("methodology", pa.string()), ("year_mg", pa.int64())])


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
    reporters = evidence_of.reporters()
    rules = rules_of(day, jurisdiction, library, reporters)
    distances = station_distances.distance_table()
    previous = standing_manifest(day)
    evidence = evidence_of.files_around(day)
    earliest = first_start(day, evidence, jurisdiction.zone, places)
    resolved = evidence_of.resolve_unknown(evidence, places.lake, places.buckets)
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
        "prior": _frozen_prior(day, rules, places),
        "distances": places.frozen.put(distances),
        "standing": results_by_bucket(previous),
        "earlier": {
            "from": earliest.isoformat(),
            "closes": [
                _earlier_body(manifest) for manifest in standing_between(earliest, day - timedelta(days=1))
            ],
        },
    }
    inputs = thaw(body, at, rules, places, consent_mark=mark, previous=previous)
    return replace(inputs, year=_digests(_standing_of_year(day, rules)))


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


def first_start(day: date, evidence: Sequence[EvidenceFile], zone: str, places: Places) -> date:
    """The day on which the earliest act of a day began, the day before it at the latest."""
    paths = [places.lake / file.path for file in evidence if file.day == day]
    return min([day - timedelta(days=1), *(local_day(at_us, zone) for at_us in _first_starts(paths))])


def standing_between(first: date, last: date) -> list[Manifest]:
    """The manifests that stand for the closed days from the first through the last, in order."""
    closed = Manifest.objects.filter(day__gte=first, day__lte=last)
    return list(closed.order_by("day", "-sequence").distinct("day"))


def _first_starts(paths: Sequence[Path]) -> list[int]:
    """The earliest start in each file, as its own statistics have it."""
    starts = []
    for path in paths:
        try:
            footer = pq.read_metadata(path)
        except FileNotFoundError as error:
            raise FileMissing(digest=path.stem, path=path) from error
        except (OSError, pa.ArrowException) as error:
            raise FileAltered(digest=path.stem, path=path) from error
        column = footer.schema.names.index("started_us")
        for number in range(footer.num_row_groups):
            starts.append(footer.row_group(number).column(column).statistics.min)
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


def _reporter_body(reporter: Reporter) -> dict[str, Any]:
    return {
        "provider": reporter.provider,
        "kinds": list(reporter.kinds),
        "precedence": reporter.precedence,
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
    if _digests(_standing_of_year(inputs.day, inputs.rules)) == inputs.year:
        return False
    return bool(_frozen_prior(inputs.day, inputs.rules, places) != inputs.body["prior"])


def _frozen_prior(day: date, rules: Rules, places: Places) -> dict[str, str]:
    return _frozen_by_bucket(_split(_prior(day, rules, places), places.buckets), places)


def _prior(day: date, rules: Rules, places: Places) -> pa.Table:
    """What each person was credited on other days of the year, of methodologies with a yearly cap, in any version."""
    capped = _capped_by_year(rules)
    tables = [_credits_of(manifest, places) for manifest in _standing_of_year(day, rules)]
    if not tables:
        return PRIOR_SCHEMA.empty_table()
    credits = without_versions(pa.concat_tables(tables))
    credits = credits.filter(pc.is_in(credits["methodology"], pa.array(capped, pa.string())))
    summed = credits.group_by(["account_id", "methodology"]).aggregate([("credited_mg", "sum")])
    named = summed.rename_columns({"credited_mg_sum": "year_mg"}).select(PRIOR_SCHEMA.names)
    return named.cast(PRIOR_SCHEMA).sort_by([("account_id", "ascending"), ("methodology", "ascending")])


def without_versions(credits: pa.Table) -> pa.Table:
    """Credits with the code of the methodology in place of ``code@version``: a cap goes on from version to version."""
    codes = pc.replace_substring_regex(credits["methodology"], "@[0-9]+$", "")
    return credits.set_column(credits.column_names.index("methodology"), "methodology", codes)


def _capped_by_year(rules: Rules) -> list[str]:
    return [
        applied.methodology.code
        for applied in rules.applied
        if any(cap.per == "person-year" for cap in applied.methodology.caps)
    ]


def _digests(manifests: Sequence[Manifest]) -> tuple[str, ...]:
    return tuple(manifest.digest for manifest in manifests)


def _standing_of_year(day: date, rules: Rules) -> Sequence[Manifest]:
    """The standing manifests of the year's other days; none where no methodology in use has a yearly cap."""
    if not _capped_by_year(rules):
        return []
    first = date(day.year, 1, 1)
    year = Manifest.objects.filter(day__gte=first, day__lt=date(day.year + 1, 1, 1)).exclude(day=day)
    return list(year.order_by("day", "-sequence").distinct("day"))


def _credits_of(manifest: Manifest, places: Places) -> pa.Table:
    return read_credits(manifest.body["outputs"], places)


def read_credits(outputs: Sequence[Mapping[str, Any]], places: Places) -> pa.Table:
    """The credits of a close, all buckets: account_id, methodology, credited_mg."""
    tables = [pq.read_table(places.results.checked(output["credits"])) for output in outputs]
    return pa.concat_tables(tables)
