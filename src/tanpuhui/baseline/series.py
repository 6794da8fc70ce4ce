"""Series: the rows of a meter's or a thermometer's file in the order of time, cleaned, with what was found counted."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from tanpuhui.baseline.arrays import Flags, Floats, Whole
from tanpuhui.baseline.finding import Finding, finding
from tanpuhui.baseline.refusals import ColumnMissing, FileUnreadable, UnknownZone
from tanpuhui.kit.moment import to_us

#: A file larger than this when unpacked is not one home's.
LARGEST_BYTES = 60_000_000
MISSING = {"", "nan"}
TRUE = {"1", "true", "yes", "y", "e", "estimated"}
#: No home's meter, in any unit, has a read like this.
LARGEST_VALUE = 1e12
#: Colder or hotter than any place has been, in F.
COLDEST_F, HOTTEST_F = -130.0, 140.0


@dataclass(frozen=True)
class Series:
    """Values with the moment at which each begins; NaN is a missing value. Moments rise strictly."""

    at_us: Whole
    value: Floats
    estimated: Flags
    findings: tuple[Finding, ...]

    @property
    def step_us(self) -> int:
        """The usual distance of two rows; 0 with fewer than two."""
        return int(np.median(np.diff(self.at_us))) if len(self.at_us) > 1 else 0


def zone_of(name: str) -> ZoneInfo:
    """The zone of a name, or a refusal."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(zone=name) from error


def read_meter(file: Path, zone: ZoneInfo | None) -> Series:
    """A meter's file: columns ``start,value``, perhaps ``estimated``; ``zone`` is of times without an offset."""
    header, rows = _table(file)
    start, value = (_column(file, header, [name]) for name in ("start", "value"))
    estimated = header.index("estimated") if "estimated" in header else None
    return series_of(
        (
            (
                _cell(row, start),
                _cell(row, value),
                estimated is not None and _cell(row, estimated).lower() in TRUE,
            )
            for row in rows
        ),
        zone,
    )


def read_temperature(file: Path, zone: ZoneInfo | None) -> Series:
    """A thermometer's file: columns ``dt`` and ``tempF`` or ``tempC``; the series is in F."""
    header, rows = _table(file)
    at, value = _column(file, header, ["dt"]), _column(file, header, ["tempF", "tempC"])
    series = series_of(((_cell(row, at), _cell(row, value), False) for row in rows), zone)
    degrees = series.value if header[value] == "tempF" else series.value * 1.8 + 32
    impossible = np.isfinite(degrees) & ((degrees < COLDEST_F) | (degrees > HOTTEST_F))
    return replace(
        series,
        value=np.where(impossible, np.nan, degrees),
        findings=(*series.findings, *finding("baseline.temperature_impossible", impossible.sum())),
    )


def series_of(rows: Iterable[tuple[str, str, bool]], zone: ZoneInfo | None) -> Series:
    """Text rows of (time, value, estimated) as a series; whatever is wrong with a row is counted."""
    counts: Counter[str] = Counter()
    at_us, values, estimated = [], [], []
    for time, text, flag in rows:
        moment = _moment(time, zone, counts)
        if moment is not None:
            at_us.append(moment)
            values.append(_number(text, counts))
            estimated.append(flag)
    found = [item for code, count in sorted(counts.items()) for item in finding(code, count)]
    if not at_us:
        found += finding("baseline.no_rows", 1)
    return _ordered(
        np.array(at_us, dtype=np.int64),
        np.array(values, dtype=np.float64),
        np.array(estimated, dtype=np.bool_),
        found,
    )


def _ordered(at_us: Whole, value: Floats, estimated: Flags, found: list[Finding]) -> Series:
    """Sorted, each time once: repeated rows leave one, rows that contradict each other leave a missing value."""
    running = np.maximum.accumulate(at_us) if len(at_us) else at_us
    found = found + finding("baseline.out_of_order", (at_us < running).sum())
    order = np.lexsort((value, at_us))
    at_us, value, estimated = at_us[order], value[order], estimated[order]
    first = np.ones(len(at_us), dtype=np.bool_)
    first[1:] = at_us[1:] != at_us[:-1]
    same = (value[1:] == value[:-1]) | (np.isnan(value[1:]) & np.isnan(value[:-1]))
    conflict = ~first[1:] & ~same & np.isfinite(value[1:])
    group = np.cumsum(first) - 1
    contradicted = np.zeros(int(first.sum()), dtype=np.bool_)
    contradicted[group[1:][conflict]] = True
    repeated = (~first).sum() - conflict.sum()
    found = found + finding("baseline.duplicate_rows", repeated)
    found = found + finding("baseline.conflicting_rows", contradicted.sum())
    return Series(
        at_us=at_us[first],
        value=np.where(contradicted, np.nan, value[first]),
        estimated=estimated[first],
        findings=tuple(found),
    )


def _moment(text: str, zone: ZoneInfo | None, counts: Counter[str]) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        counts["baseline.time_unreadable"] += 1
        return None
    try:
        if moment.tzinfo is not None:
            return to_us(moment)
        if zone is None:
            counts["baseline.no_time_zone"] += 1
            return None
        local = moment.replace(tzinfo=zone)
        if local.utcoffset() != local.replace(fold=1).utcoffset():
            counts["baseline.time_ambiguous"] += 1
        return to_us(local)
    except OverflowError:
        counts["baseline.time_unreadable"] += 1
        return None


def _number(text: str, counts: Counter[str]) -> float:
    text = text.strip()
    if text.lower() in MISSING:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        counts["baseline.not_a_number"] += 1
        return math.nan
    if abs(value) > LARGEST_VALUE:
        counts["baseline.not_finite"] += 1
        return math.nan
    return value


def _cell(row: list[str], place: int) -> str:
    return row[place] if place < len(row) else ""


def _column(file: Path, header: list[str], names: list[str]) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    raise ColumnMissing(file=str(file), column=" or ".join(names), found=", ".join(header) or "nothing")


def _table(file: Path) -> tuple[list[str], Iterator[list[str]]]:
    """The names of the first line and the rows after it; a gzip file is known by its first bytes."""
    try:
        packed = file.read_bytes()
        content = _unpacked(packed) if packed[:2] == b"\x1f\x8b" else packed
        if len(content) > LARGEST_BYTES:
            raise FileUnreadable(file=str(file), problem=f"it holds more than {LARGEST_BYTES} bytes")
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise FileUnreadable(file=str(file), problem=str(error)) from error
    header = [name.strip() for name in rows[0]] if rows else []
    return header, (row for row in rows[1:] if row)


def _unpacked(packed: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        return stream.read(LARGEST_BYTES + 1)
