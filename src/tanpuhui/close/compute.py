"""Compute: from frozen inputs to result files; nothing here reads a clock or the database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tanpuhui.close.inputs import Inputs
from tanpuhui.close.places import Places
from tanpuhui.close.yearly import PRIOR_SCHEMA, capped_by_year, counting, without_versions
from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.progress import Report, nobody
from tanpuhui.kit.span import span
from tanpuhui.quantify.bucket import BucketResult, Engine, digest_acts, methodology_key, quantify_bucket
from tanpuhui.quantify.engines.choice import EMBEDDED, EngineChoice, running
from tanpuhui.quantify.rules import Rules
from tanpuhui.quantify.side_by_side import over_buckets

CREDIT_SCHEMA = pa.schema(
    [("account_id", pa.int64()), ("methodology", pa.string()), ("credited_mg", pa.int64())]
)
#: In the place of tables that are written already.
_NOTHING = pa.table({})


@dataclass(frozen=True)
class Computed:
    """What came of a day: one output for each bucket, counts by outcome, the sum of credits, and what is netted.

    ``below_mg`` is, by methodology, what negative results sum to: the next lot is smaller by that much. ``yearly`` are
    the codes of methodologies with a yearly cap and, in a file of their own, their credits: the year's other days ask.
    In another file are those whom such a cap took something from, with what they had been credited on other days: when
    that is less, the day is due. ``engine`` names what computed, and its version.
    """

    outputs: list[dict[str, Any]]
    outcomes: dict[str, int]
    credited_mg: int
    below_mg: dict[str, int]
    yearly: dict[str, Any]
    engine: dict[str, str]

    @property
    def records(self) -> int:
        """How many records ended; the sum of all outcomes."""
        return sum(self.outcomes.values())

    def essence(self) -> list[tuple[int, int, str]]:
        """What two computations of the same inputs must agree on, on any engine."""
        return [(output["bucket"], output["rows"], output["digest"]) for output in self.outputs]


def compute(
    inputs: Inputs, places: Places, engine: EngineChoice = EMBEDDED, report: Report = nobody
) -> Computed:
    """Quantify every bucket, as many at once as there are cores, and write results and credits to the lake."""
    capped = capped_by_year(inputs.rules)
    keys = [methodology_key(applied.methodology) for applied in inputs.rules.applied]

    def work(one: Engine, number: int) -> tuple[dict[str, Any], BucketResult]:
        files = inputs.buckets[number]
        with span("close.quantify", {"tanpuhui.bucket": number}) as traced:
            result = quantify_bucket(one, inputs.rules, files, inputs.window, inputs.distances)
            traced.says({"tanpuhui.records": len(result.results)})
        credits = name_methodologies(result.credits, inputs.rules)
        output = _output(number, result, credits, keys, places)
        crash_point("close.bucket_computed")
        short = without_versions(name_methodologies(result.short_of_room, inputs.rules, PRIOR_SCHEMA))
        kept = replace(result, results=_NOTHING, credits=counting(credits, capped), short_of_room=short)
        return output, kept

    with running(engine, places.lake) as found:
        done = over_buckets(found.start, sorted(inputs.buckets), work, report)
    outcomes: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for _, result in done:
        outcomes.update(result.outcomes)
        below.update({keys[applied]: amount for applied, amount in result.below_mg.items()})
    outputs = [output for output, _ in done]
    credited_mg = sum(output["credited_mg"] for output in outputs)
    yearly = pa.concat_tables([CREDIT_SCHEMA.empty_table(), *(result.credits for _, result in done)])
    short = pa.concat_tables([PRIOR_SCHEMA.empty_table(), *(result.short_of_room for _, result in done)])
    return Computed(
        outputs,
        dict(sorted(outcomes.items())),
        credited_mg,
        dict(sorted(below.items())),
        {"codes": capped, "credits": _put(yearly, places), "short_of_room": _put(short, places)},
        found.as_json(),
    )


def _put(table: pa.Table, places: Places) -> str:
    """The digest of a table's file, empty for a table without rows."""
    return places.results.put(table) if len(table) else ""


def name_methodologies(credits: pa.Table, rules: Rules, schema: pa.Schema = CREDIT_SCHEMA) -> pa.Table:
    """Rows of a person and a methodology with ``code@version`` in place of the day's number of the methodology."""
    keys = pa.array([methodology_key(applied.methodology) for applied in rules.applied], pa.string())
    named = (
        keys.take(credits["methodology_no"].combine_chunks()) if len(credits) else pa.array([], pa.string())
    )
    columns = [credits["account_id"], named, credits.column(2)]
    return pa.table(columns, schema=schema)


def _output(
    number: int, result: BucketResult, credits: pa.Table, keys: list[str], places: Places
) -> dict[str, Any]:
    return {
        "bucket": number,
        "rows": len(result.results),
        "digest": result.digest,
        "acts": digest_acts(result.results, keys),
        "results": places.results.put(result.results),
        "credits": places.results.put(credits),
        "credited_mg": pc.sum(credits["credited_mg"]).as_py() or 0,
    }
