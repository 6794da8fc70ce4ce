"""Balance: what was sorted at stations against what hauliers weighed, frozen as an input of a day's close.

What was sorted is the station's word as a whole: every report of the stretch of days that a weighing is of, corrected
and retracted ones taken out, whoever brought it and whether a grant covers it or not. That sum names nobody. What is
held is in it as long as nobody has decided: a bag that was fetched is nobody else's. What is confirmed is not:
it was no bag, and takes no part from those who brought one. Never more counts than was fetched either way. A station
without a weighing is in the table too, with nothing that counts; so is the nameless one of reports that say none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tanpuhui.baseline.mass_balance import NOT_WEIGHED, Station, balance, of_act
from tanpuhui.close.evidence_of import EvidenceFile, RevisionFile
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.store import checked
from tanpuhui.evidence.expressions import literal
from tanpuhui.evidence.models import Batch, LakeFile, Weighing
from tanpuhui.evidence.record import MOST_ACT_G, ROWS_PER_BATCH, WEIGHED_KINDS
from tanpuhui.evidence.weighing import mark_of, standing_of
from tanpuhui.integrity import held
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.erased import notes_of
from tanpuhui.kit.moment import day_bounds_us
from tanpuhui.quantify.bucket import RECORD, REVISION
from tanpuhui.quantify.engines.duckdb import DuckDb
from tanpuhui.quantify.steps import current_steps, unrevised_steps

#: Days as text, grams, thousandths; ``fetched_g`` is empty where nobody weighed.
SCHEMA = pa.schema(
    [
        ("provider", pa.string()),
        ("station", pa.string()),
        ("first_day", pa.string()),
        ("last_day", pa.string()),
        ("source", pa.string()),
        ("is_weighed", pa.int64()),
        ("sorted_g", pa.int64()),
        ("fetched_g", pa.int64()),
        ("counted_g", pa.int64()),
        ("score_permille", pa.int64()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class Window:
    """A stretch of local days of a provider's stations, weighed as one."""

    provider: str
    first: date
    last: date

    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


@dataclass(frozen=True)
class Files:
    """The files of a window's reports, and of what corrects and retracts them."""

    records: tuple[EvidenceFile, ...]
    revisions: tuple[RevisionFile, ...]


def weighed_body(
    day: date, zone: str, providers: Collection[str], places: Places, previous: Manifest | None
) -> dict[str, Any]:
    """The balance of a day as an input, for the manifest; nothing at all where no station must balance.

    ``mark`` is the newest declaration that was seen: a later one makes the day due. Files of other days of a stretch
    are named, so that what comes for them makes the day due as well.
    """
    if not providers:
        return {}
    mark = mark_of(day, providers)
    weighings = {(one.provider, one.station): one for one in standing_of(day, day, providers)}
    windows = {Window(one.provider, one.first_day, one.last_day) for one in weighings.values()}
    windows |= {Window(provider, day, day) for provider in providers}
    files = {window: _files(window) for window in windows}
    confirmed = confirmed_of(windows, confirmed_now())
    sums = {window: _sums(window, files[window], zone, places, without=confirmed) for window in windows}
    before = stations_of(previous.body["inputs"], places) if previous else []
    erased = {window for window in windows if _any_erased(files[window], places)}
    rows = [
        _row(provider, station, sorted_g, weighing)
        for provider, station, sorted_g, weighing in _by_station(day, weighings, sums)
    ]
    rows = [_no_less(row, before) if _window_of(row) in erased else row for row in rows]
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: (row["provider"], row["station"])), SCHEMA)
    other = [file for one in files.values() for file in one.records if file.day != day]
    revisions = {
        file.digest: file for window in files if window.days() != [day] for file in files[window].revisions
    }
    longer = sorted((w for w in windows if w.days() != [day]), key=lambda w: (w.provider, w.first, w.last))
    return {
        "weighed": {
            "providers": sorted(providers),
            "mark": mark,
            "stations": places.frozen.put(table) if len(table) else "",
            "windows": [
                {"provider": w.provider, "first_day": w.first.isoformat(), "last_day": w.last.isoformat()}
                for w in longer
            ],
            "evidence": [
                file.body() for file in sorted(set(other), key=lambda f: (f.day, f.bucket, f.digest))
            ],
            "revisions": [revisions[digest].body() for digest in sorted(revisions)],
            **_confirmed_body(confirmed, places),
        }
    }


def confirmed_now() -> list[tuple[str, date, int]]:
    """Provider, day and record of every act that is held for good, in order; the batch of a record says whose it is."""
    return _with_providers(held.confirmed_acts())


def _with_providers(acts: Sequence[tuple[date, int]]) -> list[tuple[str, date, int]]:
    batches = {record_id // ROWS_PER_BATCH for _day, record_id in acts}
    providers = dict(Batch.objects.filter(pk__in=batches).values_list("pk", "provider"))
    return [(providers[record_id // ROWS_PER_BATCH], day, record_id) for day, record_id in acts]


def confirmed_of(windows: Collection[Window], confirmed: Sequence[tuple[str, date, int]]) -> list[int]:
    """The records of these stretches among those that are held for good, in order."""
    return sorted(
        record_id
        for provider, day, record_id in confirmed
        if any(one.provider == provider and one.first <= day <= one.last for one in windows)
    )


def confirmed_digest(confirmed: Sequence[int]) -> str:
    """One digest of them; empty where there are none."""
    return digest_json(list(confirmed)) if confirmed else ""


def _confirmed_body(confirmed: Sequence[int], places: Places) -> dict[str, Any]:
    if not confirmed:
        return {}
    table = pa.table({"record_id": pa.array(confirmed, pa.int64())})
    file = places.frozen.put(table)
    return {"confirmed": {"acts": len(confirmed), "digest": confirmed_digest(confirmed), "file": file}}


def _confirmed_then(inputs: Mapping[str, Any], places: Places) -> list[int]:
    named = inputs["weighed"].get("confirmed")
    if named is None:
        return []
    found: list[int] = pq.read_table(places.frozen.checked(named["file"]))["record_id"].to_pylist()
    return found


def stations_of(inputs: Mapping[str, Any], places: Places) -> list[dict[str, Any]]:
    """What a close counted at each station, as it froze it: rows of :data:`SCHEMA`."""
    digest = inputs.get("weighed", {}).get("stations")
    return pq.read_table(places.frozen.checked(digest)).to_pylist() if digest else []


def station_file(inputs: Mapping[str, Any], places: Places) -> tuple[Path, ...]:
    """The frozen table as the engines read it."""
    digest = inputs.get("weighed", {}).get("stations")
    return (places.frozen.checked(digest),) if digest else ()


def other_confirmed(inputs: Mapping[str, Any], places: Places) -> list[dict[str, Any]]:
    """What a manifest says was confirmed and is not so; none where all agrees.

    Its number and digest are those of its file, and each record is of its stretches and was confirmed by somebody, also
    where it was released since: who leaves out what nobody confirmed gives its part to others.
    """
    weighed = inputs.get("weighed", {})
    if "confirmed" not in weighed:
        return []
    named, records = weighed["confirmed"], _confirmed_then(inputs, places)
    day = date.fromisoformat(inputs["day"])
    windows = [Window(provider, day, day) for provider in weighed["providers"]]
    windows += [
        Window(one["provider"], date.fromisoformat(one["first_day"]), date.fromisoformat(one["last_day"]))
        for one in weighed["windows"]
    ]
    of_verdicts = confirmed_of(windows, _with_providers(held.once_confirmed(records)))
    then = [named["acts"], named["digest"], records]
    now = [len(of_verdicts), confirmed_digest(of_verdicts), of_verdicts]
    return [] if then == now else [{"sum": "confirmed", "then": then, "now": now}]


def other_stations(inputs: Mapping[str, Any], zone: str, places: Places) -> list[dict[str, Any]]:
    """Stations of which the files that a manifest names do not give what it froze; none where all agree.

    Where rows were taken out of the files since, their sum is not worked out again.
    """
    wrong = []
    sums: dict[Window, dict[str, int] | None] = {}
    for row in stations_of(inputs, places):
        window = _window_of(row)
        if window not in sums:
            files = _named(window, inputs)
            then_confirmed = _confirmed_then(inputs, places)
            gone = _any_erased(files, places)
            sums[window] = None if gone else _sums(window, files, zone, places, without=then_confirmed)
        by_station = sums[window]
        sorted_g = row["sorted_g"] if by_station is None else by_station.get(row["station"], 0)
        now = balance(Station(row["station"], sorted_g, row["fetched_g"]))
        found = [sorted_g, now.counted_g, now.reason]
        if found != (then := [row["sorted_g"], row["counted_g"], row["reason"]]):
            wrong.append({"station": f"{row['provider']}/{row['station']}", "then": then, "now": found})
    return wrong


def _named(window: Window, inputs: Mapping[str, Any]) -> Files:
    """The files of a window that a manifest names."""
    weighed = inputs["weighed"]
    named = {
        file["path"]: file
        for file in (*inputs["evidence"], *weighed["evidence"])
        if window.first.isoformat() <= file["day"] <= window.last.isoformat()
    }
    of_provider = LakeFile.objects.filter(path__in=list(named), batch__provider=window.provider)
    own = frozenset(of_provider.values_list("path", flat=True))
    records = [
        EvidenceFile(date.fromisoformat(file["day"]), file["bucket"], path, file["digest"], file["rows"])
        for path, file in sorted(named.items())
        if path in own
    ]
    revisions = {file["path"]: file["digest"] for file in (*inputs["revisions"], *weighed["revisions"])}
    return Files(tuple(records), tuple(RevisionFile(*pair) for pair in sorted(revisions.items())))


def _files(window: Window) -> Files:
    own = {"batch__provider": window.provider}
    days = (window.first, window.last)
    records = LakeFile.objects.filter(part=LakeFile.RECORDS, day__range=days, **own)
    revisions = LakeFile.objects.filter(part=LakeFile.REVISIONS, days__day__range=days, **own)
    return Files(
        tuple(
            EvidenceFile(file.day, file.bucket, file.path, file.digest, file.rows)
            for file in records.order_by("day", "bucket", "digest")
            if file.day is not None and file.bucket is not None
        ),
        tuple(RevisionFile(file.path, file.digest) for file in revisions.distinct().order_by("digest")),
    )


def _sums(
    window: Window, files: Files, zone: str, places: Places, *, without: Sequence[int]
) -> dict[str, int]:
    """Grams by station, of the reports that count: the highest revision of each, ``without`` what is confirmed."""
    if not files.records:
        return {}
    first_us, next_us = day_bounds_us(window.first, zone)[0], day_bounds_us(window.last, zone)[1]
    kinds = ", ".join(map(literal, sorted(WEIGHED_KINDS)))
    with DuckDb(memory_limit="256MB", threads=1) as engine:
        engine.read(
            "record", _paths(files.records, places), RECORD | {"mass_g": "BIGINT", "station": "VARCHAR"}
        )
        engine.read("revision", _paths(files.revisions, places), REVISION)
        engine.put("confirmed", pa.table({"record_id": pa.array(without, pa.int64())}))
        engine.run(current_steps(first_us, next_us) if files.revisions else unrevised_steps())
        found = engine.rows(
            "SELECT COALESCE(station, ''), CAST(SUM(mass_g) AS BIGINT) FROM current_record "
            f"WHERE kind IN ({kinds}) AND provider = {literal(window.provider)} "
            f"AND mass_g BETWEEN 0 AND {MOST_ACT_G} "
            "AND record_id NOT IN (SELECT record_id FROM confirmed) GROUP BY 1"
        )
    return dict(found)


def _paths(files: Iterable[EvidenceFile | RevisionFile], places: Places) -> list[Path]:
    return [checked(places.lake / file.path, file.digest) for file in files]


def _by_station(
    day: date,
    weighings: Mapping[tuple[str, str], Weighing],
    sums: Mapping[Window, Mapping[str, int]],
) -> list[tuple[str, str, int, Weighing | Window]]:
    """Each station of the day with its grams of the stretch that was weighed, or of the day where none was."""
    found: list[tuple[str, str, int, Weighing | Window]] = [
        (provider, station, sums[Window(provider, one.first_day, one.last_day)].get(station, 0), one)
        for (provider, station), one in weighings.items()
    ]
    for window, by_station in sums.items():
        if window.days() == [day]:
            found += [
                (window.provider, station, sorted_g, window)
                for station, sorted_g in by_station.items()
                if (window.provider, station) not in weighings
            ]
    return found


def _row(provider: str, station: str, sorted_g: int, of: Weighing | Window) -> dict[str, Any]:
    fetched_g = of.fetched_g if isinstance(of, Weighing) else None
    found = balance(Station(station, sorted_g, fetched_g))
    first, last = (of.first_day, of.last_day) if isinstance(of, Weighing) else (of.first, of.last)
    return {
        "provider": provider,
        "station": station,
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "source": of.source if isinstance(of, Weighing) else "",
        "is_weighed": int(found.reason != NOT_WEIGHED),
        "sorted_g": sorted_g,
        "fetched_g": fetched_g,
        "counted_g": found.counted_g,
        "score_permille": found.score_permille,
        "reason": found.reason,
    }


def _window_of(row: Mapping[str, Any]) -> Window:
    first, last = date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"])
    return Window(row["provider"], first, last)


def _any_erased(files: Files, places: Places) -> bool:
    return any(notes_of(places.lake / file.path) for file in files.records)


def _no_less(row: dict[str, Any], before: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Where a person was erased since: what they brought was fetched, and what they were credited stands.

    So what was sorted is not less than the close before had it, and the others' part does not grow.
    """
    same = [one for one in before if one["station"] == row["station"] and _window_of(one) == _window_of(row)]
    sorted_g = max([row["sorted_g"], *(one["sorted_g"] for one in same)])
    found = balance(Station(row["station"], sorted_g, row["fetched_g"]))
    return row | {
        "sorted_g": sorted_g,
        "counted_g": found.counted_g,
        "score_permille": found.score_permille,
        "reason": found.reason,
    }


@dataclass(frozen=True)
class Weighed:
    """How mass balance came to what counts of one act: its station's grams, and its part of them, rounded down."""

    station: str
    first_day: date
    last_day: date
    source: str
    sorted_g: int
    fetched_g: int | None
    counted_g: int
    score_permille: int
    reason: str
    mass_g: int
    counted_mass_g: int

    @property
    def score_percent(self) -> str:
        return f"{self.score_permille // 10}.{self.score_permille % 10}"


def weighed_of(
    inputs: Mapping[str, Any], *, provider: str, station: str, mass_g: int, places: Places
) -> Weighed | None:
    """What a close counted of an act's grams at its station; ``None`` where its provider's need not balance."""
    if provider not in inputs.get("weighed", {}).get("providers", ()):
        return None
    rows = [
        row for row in stations_of(inputs, places) if (row["provider"], row["station"]) == (provider, station)
    ]
    if not rows:
        return None
    (row,) = rows
    return Weighed(
        station=station,
        first_day=date.fromisoformat(row["first_day"]),
        last_day=date.fromisoformat(row["last_day"]),
        source=row["source"],
        sorted_g=row["sorted_g"],
        fetched_g=row["fetched_g"],
        counted_g=row["counted_g"],
        score_permille=row["score_permille"],
        reason=row["reason"],
        mass_g=mass_g,
        counted_mass_g=of_act(mass_g, counted_g=row["counted_g"], sorted_g=row["sorted_g"]),
    )
