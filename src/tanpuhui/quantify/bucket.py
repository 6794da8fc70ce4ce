"""Bucket: the day of those accounts that fall into one bucket, quantified in the memory of one bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tanpuhui.evidence.assemble import assemble_steps
from tanpuhui.evidence.record import ASSEMBLED
from tanpuhui.kit.digest import PREFIX, canonical_json
from tanpuhui.kit.step import Step
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.quantify import steps
from tanpuhui.quantify.outcome import Outcome
from tanpuhui.quantify.rules import Rules, exclusive_group

RECORD = {
    "record_id": "BIGINT",
    "provider": "VARCHAR",
    "source_id": "VARCHAR",
    "revision": "INTEGER",
    "action": "VARCHAR",
    "subject_id": "BIGINT",
    "account_id": "BIGINT",
    "kind": "VARCHAR",
    "started_us": "BIGINT",
    "ended_us": "BIGINT",
}
REVISION = {"provider": "VARCHAR", "source_id": "VARCHAR", "revision": "INTEGER", "action": "VARCHAR"}
GRANT = {
    "account_id": "BIGINT",
    "provider": "VARCHAR",
    "kinds": "VARCHAR",
    "from_us": "BIGINT",
    "to_us": "BIGINT",
    "usable": "BOOLEAN",
}
PRIOR = {"account_id": "BIGINT", "methodology": "VARCHAR", "year_mg": "BIGINT"}
STANDING = {"record_id": "BIGINT", "outcome": "INTEGER"}
STATION_BALANCE = {
    "provider": "VARCHAR",
    "station": "VARCHAR",
    "is_weighed": "BIGINT",
    "sorted_g": "BIGINT",
    "counted_g": "BIGINT",
}
HELD = {"record_id": "BIGINT", "rule": "VARCHAR"}
EARLIER_RECORD = {
    "record_id": "BIGINT",
    "provider": "VARCHAR",
    "kind": "VARCHAR",
    "started_us": "BIGINT",
    "ended_us": "BIGINT",
}
EARLIER_END = {"record_id": "BIGINT", "account_id": "BIGINT", "outcome": "INTEGER"}
RESULT_SCHEMA = pa.schema(
    [
        ("record_id", pa.int64()),
        ("account_id", pa.int64()),
        ("outcome", pa.int32()),
        ("methodology_no", pa.int32()),
        ("avoided_mg", pa.int64()),
        ("credited_mg", pa.int64()),
        ("rival_id", pa.int64()),
        ("clause", pa.string()),
    ]
)
CREDIT_SCHEMA = pa.schema(
    [("account_id", pa.int64()), ("methodology_no", pa.int32()), ("credited_mg", pa.int64())]
)
ROOM_SCHEMA = pa.schema([("account_id", pa.int64()), ("methodology_no", pa.int32()), ("year_mg", pa.int64())])
#: The integer columns, in the order in which they are digested.
RESULT_ORDER = (
    "record_id",
    "account_id",
    "outcome",
    "methodology_no",
    "avoided_mg",
    "credited_mg",
    "rival_id",
)


class Engine(Protocol):
    """What an engine must do; the same steps give the same integers on each."""

    name: str

    def read(self, name: str, files: Sequence[Path], columns: dict[str, str]) -> None: ...
    def put(self, name: str, table: pa.Table) -> None: ...
    def run(self, steps: Sequence[Step]) -> None: ...
    def table(self, query: str) -> pa.Table: ...


@dataclass(frozen=True)
class BucketFiles:
    """The frozen inputs of one bucket; ``earlier_records`` and ``earlier_ends`` are of days before, as they stand.

    ``stations`` is the same for every bucket: what counts at each station that must balance.
    """

    records: tuple[Path, ...]
    revisions: tuple[Path, ...]
    grants: tuple[Path, ...]
    prior: tuple[Path, ...]
    standing: tuple[Path, ...] = ()
    earlier_records: tuple[Path, ...] = ()
    earlier_ends: tuple[Path, ...] = ()
    held: tuple[Path, ...] = ()
    stations: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Window:
    """The day in microseconds, and the moment as of which it is closed."""

    first_us: int
    next_us: int
    as_of_us: int


@dataclass(frozen=True)
class BucketResult:
    """Results sorted by record; credits sorted by account and methodology; counts by outcome; the digest.

    ``below_mg`` is, by number of methodology, what its negative results sum to, as a positive number.
    ``short_of_room`` are the persons whom a yearly cap took something from because of what other days had credited,
    with what they had credited.
    """

    results: pa.Table
    credits: pa.Table
    below_mg: dict[int, int]
    outcomes: dict[str, int]
    digest: str
    short_of_room: pa.Table


def quantify_bucket(
    engine: Engine, rules: Rules, files: BucketFiles, window: Window, distances: pa.Table
) -> BucketResult:
    """Run every step for one bucket on an engine; a bucket without records has no results."""
    if not files.records:
        results = RESULT_SCHEMA.empty_table()
        nobody = ROOM_SCHEMA.empty_table()
        return BucketResult(results, CREDIT_SCHEMA.empty_table(), {}, {}, digest_results(results), nobody)
    measures = steps.measures_of(rules)
    _name_inputs(engine, rules, files, measures, distances)
    engine.run(
        [
            *(
                steps.current_steps(window.first_us, window.next_us)
                if files.revisions
                else steps.unrevised_steps()
            ),
            *assemble_steps(
                window.first_us,
                window.next_us,
                window.as_of_us,
                measures,
                with_station=rules.any_balances,
            ),
            *steps.amount_steps(rules),
            *steps.gate_steps(closed_before=bool(files.standing)),
            *(steps.earlier_steps(window.first_us) if files.earlier_ends else steps.first_day_steps()),
            *steps.once_steps(),
            *steps.payable_steps(any_held=bool(files.held)),
            *steps.cap_steps(),
            *steps.result_steps(any_balances=rules.any_balances),
        ]
    )
    results = engine.table(f"SELECT {', '.join(RESULT_ORDER)}, clause FROM result ORDER BY record_id")
    _assert_each_ended(engine, window, results)
    credits = engine.table("SELECT * FROM credit ORDER BY account_id, methodology_no")
    below = engine.table("SELECT * FROM below ORDER BY methodology_no").to_pylist()
    below_mg = {row["methodology_no"]: row["below_mg"] for row in below}
    short = engine.table("SELECT * FROM short_of_room ORDER BY account_id, methodology_no")
    return BucketResult(results, credits, below_mg, _count(results), digest_results(results), short)


def _assert_each_ended(engine: Engine, window: Window, results: pa.Table) -> None:
    """As many ends as records of the day: none lost, none counted twice."""
    of_day = f"ended_us >= {window.first_us} AND ended_us < {window.next_us}"
    (records,) = engine.table(f"SELECT COUNT(*) AS records FROM record WHERE {of_day}")["records"].to_pylist()
    assert records == len(results), f"{records} records of the day, {len(results)} ends"


def _name_inputs(
    engine: Engine, rules: Rules, files: BucketFiles, measures: list[str], distances: pa.Table
) -> None:
    extra = dict.fromkeys([*measures, "energy_wh", "pv_wh"], "BIGINT") | {"station": "VARCHAR"}
    engine.read("record", files.records, RECORD | extra)
    engine.read("revision", files.revisions, REVISION)
    engine.read("grant_given", files.grants, GRANT)
    engine.read("prior_given", files.prior, PRIOR)
    engine.read("standing", files.standing, STANDING)
    engine.read("held", files.held, HELD)
    if rules.any_balances:
        engine.read("station_balance", files.stations, STATION_BALANCE)
    engine.read("earlier_record", files.earlier_records, EARLIER_RECORD)
    engine.read("earlier_end", files.earlier_ends, EARLIER_END)
    engine.put("scene", _scene_table(rules))
    engine.put("act_kind", _act_kind_table(rules))
    engine.put("provider", _provider_table(rules))
    engine.put("cap", _cap_table(rules))
    engine.put("distance", distances)
    engine.put("methodology", _methodology_table(rules))
    written = engine.table("SELECT DISTINCT provider, kinds FROM grant_given")
    engine.put("kind_set", _kind_sets(rules, written))
    engine.run(
        [
            Step(
                "grant_row",
                "SELECT g.account_id, k.provider_no, k.kinds, g.from_us, g.to_us, g.usable FROM grant_given AS g "
                "JOIN kind_set AS k ON k.provider = g.provider AND k.written = g.kinds",
            ),
            Step(
                "prior",
                "SELECT p.account_id, m.methodology_no, p.year_mg FROM prior_given AS p "
                "JOIN methodology AS m ON m.code = p.methodology",
            ),
        ]
    )


def _scene_table(rules: Rules) -> pa.Table:
    return pa.table(
        {
            "provider": pa.array([pair.provider for pair in rules.pairs], pa.string()),
            "kind": pa.array([pair.kind for pair in rules.pairs], pa.string()),
            "provider_no": pa.array([pair.provider_no for pair in rules.pairs], pa.int32()),
            "kind_bit": pa.array([1 << pair.kind_no for pair in rules.pairs], pa.int64()),
            "group_no": pa.array([pair.group_no for pair in rules.pairs], pa.int32()),
            "precedence": pa.array([pair.precedence for pair in rules.pairs], pa.int32()),
            "methodology_no": pa.array([pair.methodology_no for pair in rules.pairs], pa.int32()),
            "must_balance": pa.array([int(pair.must_balance) for pair in rules.pairs], pa.int32()),
        }
    )


def _act_kind_table(rules: Rules) -> pa.Table:
    """For each kind of record, the kind of act it stands for (a tap out: a metro trip) and that act's group."""
    kind_no, group_no = rules.kind_numbers(), rules.group_numbers()
    kinds = [kind for kind in sorted(kind_no) if ASSEMBLED.get(kind, kind) in kind_no]
    acts = [ASSEMBLED.get(kind, kind) for kind in kinds]
    return pa.table(
        {
            "kind": pa.array(kinds, pa.string()),
            "kind_bit": pa.array([1 << kind_no[act] for act in acts], pa.int64()),
            "group_no": pa.array([group_no[exclusive_group(act)] for act in acts], pa.int32()),
            "is_assembled": pa.array([int(kind in ASSEMBLED) for kind in kinds], pa.int32()),
        }
    )


def _provider_table(rules: Rules) -> pa.Table:
    numbers = rules.provider_numbers()
    return pa.table(
        {
            "provider": pa.array(numbers.keys(), pa.string()),
            "provider_no": pa.array(numbers.values(), pa.int32()),
        }
    )


def _kind_sets(rules: Rules, written: pa.Table) -> pa.Table:
    """Sets of kinds as grants write them (``bus_trip,metro_trip``), as bits for the columns."""
    provider_no = rules.provider_numbers()
    kind_no = rules.kind_numbers()
    rows = [row for row in written.to_pylist() if row["provider"] in provider_no]
    bits = [sum(1 << kind_no[kind] for kind in row["kinds"].split(",") if kind in kind_no) for row in rows]
    return pa.table(
        {
            "provider": pa.array([row["provider"] for row in rows], pa.string()),
            "written": pa.array([row["kinds"] for row in rows], pa.string()),
            "provider_no": pa.array([provider_no[row["provider"]] for row in rows], pa.int32()),
            "kinds": pa.array(bits, pa.int64()),
        }
    )


def _cap_table(rules: Rules) -> pa.Table:
    def limit(number: int, per: str) -> int | None:
        caps = rules.applied[number].methodology.caps
        limits = [cap.limit_mg for cap in caps if cap.per == per and cap.limit_mg is not None]
        return min(limits) if limits else None

    numbers = range(len(rules.applied))
    return pa.table(
        {
            "methodology_no": pa.array(numbers, pa.int32()),
            "day_limit_mg": pa.array([limit(number, "person-day") for number in numbers], pa.int64()),
            "year_limit_mg": pa.array([limit(number, "person-year") for number in numbers], pa.int64()),
        }
    )


def _methodology_table(rules: Rules) -> pa.Table:
    return pa.table(
        {
            "code": pa.array([applied.methodology.code for applied in rules.applied], pa.string()),
            "methodology_no": pa.array([applied.number for applied in rules.applied], pa.int32()),
        }
    )


def methodology_key(methodology: Methodology) -> str:
    """``code@version``: how results and assets name a methodology."""
    return f"{methodology.code}@{methodology.version}"


def _count(results: pa.Table) -> dict[str, int]:
    counts = np.bincount(results["outcome"].to_numpy())
    return {Outcome(number).name: int(counts[number]) for number in np.flatnonzero(counts).tolist()}


def digest_acts(results: pa.Table, keys: Sequence[str]) -> dict[str, str]:
    """By methodology (``code@version``), SHA-256 over its acts that count, credited or below zero, in order of record.

    ``keys`` are the day's methodologies by their numbers. What a lot of one of them rests on does not depend on how
    many others there are: the number itself is left out.
    """
    columns = ("record_id", "account_id", "avoided_mg", "credited_mg")
    counts = pc.or_(pc.greater(results["credited_mg"], 0), pc.less(results["avoided_mg"], 0))
    counting = results.select([*columns, "methodology_no"]).filter(counts)
    found = {}
    for place, key in enumerate(keys):
        rows = counting.filter(pc.equal(counting["methodology_no"], place))
        if len(rows):
            summed = hashlib.sha256()
            for name in columns:
                for piece in rows[name].chunks:
                    summed.update(np.asarray(piece, dtype="<i8").data)
            found[key] = PREFIX + summed.hexdigest()
    return found


def digest_results(results: pa.Table) -> str:
    """SHA-256 over the result columns as little-endian int64, in order of record, then the clauses as JSON.

    Piece by piece, without a copy: a city's results are not joined into one array for their digest.
    """
    summed = hashlib.sha256()
    for name in RESULT_ORDER:
        for piece in results[name].chunks:
            assert pa.types.is_integer(piece.type), f"{name} is {piece.type} and not an integer"
            assert piece.null_count == 0, f"{name} has gaps"
            summed.update(np.asarray(piece, dtype="<i8").data)
    clauses = [clause for piece in results["clause"].chunks for clause in piece.drop_null().to_pylist()]
    if clauses:
        summed.update(canonical_json(clauses))
    return PREFIX + summed.hexdigest()
