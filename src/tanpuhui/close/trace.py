"""Trace: how one act came to its milligrams: measures, formula, factors, grant, close, and the lots it went into.

It is worked out again from what the close froze, with the exact evaluator, and must come to what the close stored.
Where the methodology's folder is no longer the one that the manifest names, nothing is worked out and that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import pyarrow.parquet as pq

from tanpuhui.close.acts import Act
from tanpuhui.close.balance import Weighed, weighed_of
from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.close.models import FrozenDay, Manifest
from tanpuhui.close.places import Places
from tanpuhui.evidence.assemble import assemble_steps
from tanpuhui.evidence.expressions import literal
from tanpuhui.evidence.models import LakeFile
from tanpuhui.evidence.record import WEIGHED_KINDS
from tanpuhui.kit.erased import standing
from tanpuhui.kit.moment import day_bounds_us, to_us
from tanpuhui.kit.step import Step
from tanpuhui.methodology.evaluate import Explanation, evaluate
from tanpuhui.methodology.methodology import Clause, Field, Methodology
from tanpuhui.quantify.bucket import GRANT, RECORD, REVISION
from tanpuhui.quantify.engines.duckdb import DuckDb
from tanpuhui.quantify.outcome import Outcome
from tanpuhui.quantify.steps import BALANCED, current_steps, unrevised_steps

#: Ends whose amount follows from the formula alone, and can be worked out again.
RECKONED = (
    Outcome.credited,
    Outcome.capped,
    Outcome.nothing_avoided,
    Outcome.below_baseline,
    Outcome.excluded,
    Outcome.held,
)


@dataclass(frozen=True)
class Trace:
    """An act with everything that decided it.

    ``digest`` and ``factors_of`` are what the manifest names. ``methodology`` is the folder as it is here now, ``None``
    where it is missing; ``explanation`` is ``None`` unless it is the same folder and the outcome is one that a formula
    decides. ``grant`` is the number of the grant that let the act through when its day was closed. Where stations must
    balance, ``weighed`` says what counts of the act's grams, and the explanation is of those.
    """

    act: Act
    zone: str
    as_of: datetime
    digest: str | None
    factors_of: date | None
    methodology: Methodology | None
    explanation: Explanation | None
    lacking: tuple[Field, ...]
    grant: int | None
    lots: tuple[str, ...]
    weighed: Weighed | None = None

    @property
    def is_other_folder(self) -> bool:
        """Whether the methodology cannot be shown as it was: its folder is gone, or is not what the manifest names."""
        return self.digest is not None and (
            self.methodology is None or self.methodology.digest != self.digest
        )

    @property
    def in_retrospect(self) -> bool:
        """Whether factors of a later day were used, which makes the result illustrative."""
        return self.factors_of is not None and self.factors_of != self.act.day

    @property
    def clause(self) -> Clause | None:
        """The clause that excluded the act, as the methodology words it."""
        if self.methodology is None or self.is_other_folder:
            return None
        return next((one for one in self.methodology.clauses if one.id == self.act.clause), None)


def trace(act: Act, places: Places) -> Trace:
    """Work an act out again; the result is asserted to be what the close stored."""
    manifest = Manifest.objects.get(pk=act.manifest)
    inputs = manifest.body["inputs"]
    named = _named(act, inputs)
    methodology = find_methodology(act.methodology) if act.methodology else None
    is_same = methodology is not None and named is not None and methodology.digest == named["digest"]
    fields = methodology.fields if methodology else {}
    reckoned = _assembled(act, places, tuple(sorted(fields))) if act.is_assembled else act
    factors_of = date.fromisoformat(named["factors_of"]) if named else None
    explanation = None
    weighed = _weighed(act, inputs, places)
    if methodology and is_same and factors_of and act.outcome in RECKONED:
        counted = replace(reckoned, measures=_counted(reckoned, weighed))
        explanation = evaluate(methodology, _activity(counted, fields), factors_of)
        _assert_same(act, explanation)
    return Trace(
        act=reckoned,
        zone=inputs["jurisdiction"]["zone"],
        as_of=manifest.as_of,
        digest=named["digest"] if named else None,
        factors_of=factors_of,
        methodology=methodology,
        explanation=explanation,
        lacking=_lacking(reckoned, fields) if is_same and act.outcome is Outcome.invalid else (),
        grant=grant_of(reckoned, inputs, places),
        lots=lots_of(act),
        weighed=weighed,
    )


def _weighed(act: Act, inputs: Mapping[str, Any], places: Places) -> Weighed | None:
    """What counts of an act's grams where its station must balance."""
    if act.kind not in WEIGHED_KINDS:
        return None
    return weighed_of(
        inputs,
        provider=act.provider,
        station=act.station,
        mass_g=act.measures.get(BALANCED, 0),
        places=places,
    )


def _counted(act: Act, weighed: Weighed | None) -> Mapping[str, int]:
    """The measures that the methodology reckoned with."""
    return dict(act.measures) | ({BALANCED: weighed.counted_mass_g} if weighed else {})


def grant_of(act: Act, inputs: Mapping[str, Any], places: Places) -> int | None:
    """The grant under which an act was processed, from the grants as its close froze them.

    One that could be used then comes before one that only held the act when it was closed the first time.
    """
    digest = inputs["grants"].get(str(act.account % inputs["buckets"]))
    if digest is None:
        return None
    path = places.frozen.checked(digest)
    own = [("account_id", "=", act.account), ("provider", "=", act.provider)]
    covering = [
        row
        for row in pq.read_table(path, filters=own).to_pylist()
        if act.kind in row["kinds"].split(",")
        and row["from_us"] <= act.started_us
        and act.ended_us < row["to_us"]
    ]
    covering.sort(key=lambda row: (not row["usable"], row["grant_id"]))
    return int(covering[0]["grant_id"]) if covering else None


def lots_of(act: Act) -> tuple[str, ...]:
    """The lots that certified the act's day of its methodology, in the order in which they were made."""
    if act.methodology is None or act.credited_mg == 0:
        return ()
    frozen = FrozenDay.objects.filter(day=act.day, methodology=act.methodology)
    return tuple(frozen.order_by("id").values_list("lot", flat=True))


def _named(act: Act, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """How the manifest names the act's methodology: version, digest, and the day whose factors were used."""
    for item in inputs["methodologies"]:
        if f"{item['code']}@{item['version']}" == act.methodology:
            return dict(item)
    return None


def _activity(act: Act, fields: Mapping[str, Field]) -> dict[str, int | str]:
    return {name: act.measures[name] for name in fields if name in act.measures}


def _lacking(act: Act, fields: Mapping[str, Field]) -> tuple[Field, ...]:
    """The fields that an act lacks, or that are not what the methodology accepts."""
    found = []
    for one in fields.values():
        given = act.measures.get(one.name, one.default)
        if given is None or not one.accepts(given):
            found.append(one)
    return tuple(found)


def _assert_same(act: Act, explanation: Explanation) -> None:
    found = (explanation.avoided_mg, explanation.excluded_by)
    # A held act names the rule that holds it where another one names its clause.
    clause = None if act.outcome is Outcome.held else act.clause
    assert found == (act.avoided_mg, clause), f"{found} is not what the close stored"


@lru_cache(maxsize=4096)
def _assembled(act: Act, places: Places, measures: tuple[str, ...]) -> Act:
    """An act from its raw records, by the very steps of the close, over this one person's records.

    What a close froze never changes, so an act that is looked at again is remembered.
    """
    manifest = Manifest.objects.get(pk=act.manifest)
    inputs = manifest.body["inputs"]
    bucket = act.account % inputs["buckets"]
    first_us, next_us = day_bounds_us(act.day, inputs["jurisdiction"]["zone"])
    records = [standing(places.lake / path) for path in _paths_of(act.provider, bucket, inputs["evidence"])]
    resolved = inputs["resolved"].get(str(bucket))
    grants = inputs["grants"].get(str(bucket))
    extra = dict.fromkeys([*measures, "energy_wh", "pv_wh"], "BIGINT") | {"station": "VARCHAR"}
    with DuckDb(memory_limit="256MB", threads=1) as engine:
        frozen = [places.frozen.checked(digest) for digest in (resolved,) if digest]
        engine.read("record_all", [*records, *frozen], RECORD | extra)
        engine.read(
            "revision_all", [standing(places.lake / file["path"]) for file in inputs["revisions"]], REVISION
        )
        engine.read("grant_all", [places.frozen.checked(grants)] if grants else [], GRANT)
        engine.put("distance", pq.read_table(places.frozen.path(inputs["distances"])))
        revised = bool(inputs["revisions"])
        engine.run(
            [
                *_own(act),
                *(current_steps(first_us, next_us) if revised else unrevised_steps()),
                *assemble_steps(first_us, next_us, to_us(manifest.as_of), measures),
            ]
        )
        found = engine.table(f"SELECT * FROM act WHERE record_id = {act.record_id}")
    (row,) = found.to_pylist()
    known = {name: row[name] for name in (*measures, "distance_is_illustrative") if row.get(name) is not None}
    return replace(act, started_us=row["started_us"], ended_us=row["ended_us"], measures=known)


def _paths_of(provider: str, bucket: int, evidence: Sequence[Mapping[str, Any]]) -> list[str]:
    """The files of a bucket that a close read and that one provider sent: acts are assembled provider by provider."""
    paths = [file["path"] for file in evidence if file["bucket"] == bucket]
    sent = LakeFile.objects.filter(path__in=paths, batch__provider=provider)
    return list(sent.order_by("day", "digest").values_list("path", flat=True))


def _own(act: Act) -> list[Step]:
    """What concerns one person and provider, of everything that the close of the bucket read."""
    mine = f"account_id = {act.account} AND provider = {literal(act.provider)}"
    return [
        Step("record", f"SELECT * FROM record_all WHERE {mine}"),
        Step(
            "revision",
            "SELECT v.* FROM revision_all AS v SEMI JOIN record AS r "
            "ON r.provider = v.provider AND r.source_id = v.source_id",
        ),
        Step("grant_given", f"SELECT * FROM grant_all WHERE {mine}"),
    ]
