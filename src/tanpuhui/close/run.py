"""Close a day: gather and freeze, compute, post the difference to what stood; again and again with the same end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from importlib.metadata import version
from typing import Any

from django.db import transaction

from tanpuhui.close.compute import Computed, compute
from tanpuhui.close.inputs import Inputs, gather
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.post import post
from tanpuhui.close.refusals import DayNotOver, DayOutOfRange, KeepsChanging, refuse_certified
from tanpuhui.evidence.expressions import FIRST_YEAR, LAST_YEAR
from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.moment import day_bounds_us, to_us
from tanpuhui.kit.progress import Report, nobody
from tanpuhui.kit.span import span
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.engines.choice import EMBEDDED, EngineChoice
from tanpuhui.quantify.jurisdiction import Jurisdiction

ATTEMPTS = 5
SCHEMA = 1


@dataclass(frozen=True)
class CloseAnswer:
    """What a close did. ``posted`` is false when nothing had changed since the close that stands."""

    manifest: str
    day: date
    sequence: int
    activities: int
    outcomes: dict[str, int]
    credited_mg: int
    posted: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"day": self.day.isoformat()}


def close_day(
    day: date,
    *,
    at: datetime,
    places: Places,
    jurisdiction: Jurisdiction,
    library: Library,
    engine: EngineChoice = EMBEDDED,
    reopen: bool = False,
    report: Report = nobody,
) -> CloseAnswer:
    """Close a day as of a moment and post it once.

    The first close posts its credits; a later one, after late, corrected or retracted records or ended grants,
    posts the difference. A day that a lot has certified is closed again only where the caller says ``reopen``:
    what is added is pending for the next lot, what is taken back comes off the next lot (:mod:`.owed`). A kill at
    any point leaves files that nothing refers to, or the whole close.
    """
    refuse_unfit_day(day, at, jurisdiction, reopen=reopen)
    engine.refuse_unfit()
    with span("close", {"tanpuhui.day": day.isoformat(), "tanpuhui.engine": engine.name}) as traced:
        for _ in range(ATTEMPTS):
            report("Freezing inputs", 0, 0)
            with span("close.gate"), transaction.atomic():
                inputs = gather(day, at, places, jurisdiction, library)
            crash_point("close.gathered")
            computed = compute(inputs, places, engine, report)
            traced.says({"tanpuhui.records": computed.records})
            crash_point("close.computed")
            standing = unchanged(inputs, computed)
            if standing is not None:
                return _answer(standing, posted=False)
            report("Posting", 0, 0)
            with span("close.post"), transaction.atomic():
                manifest = post(inputs, computed, manifest_body(inputs, computed), places, reopen=reopen)
                crash_point("close.before_commit")
            crash_point("close.committed")
            if manifest is not None:
                return _answer(manifest, posted=True)
        raise KeepsChanging(day=day, attempts=ATTEMPTS)


def refuse_unfit_day(day: date, at: datetime, jurisdiction: Jurisdiction, *, reopen: bool = False) -> None:
    """A day for which no record is taken, that is not over, or that a lot has certified, is not closed."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise DayOutOfRange(day=day)
    _, next_us = day_bounds_us(day, jurisdiction.zone)
    if to_us(at) < next_us:
        raise DayNotOver(day=day, zone=jurisdiction.zone)
    if not reopen:
        refuse_certified(day)


def unchanged(inputs: Inputs, computed: Computed) -> Manifest | None:
    """The manifest that stands, when it has the same inputs and the same outputs as this computation."""
    standing = inputs.previous
    if standing is None or _without_standing(standing.body["inputs"]) != _without_standing(inputs.body):
        return None
    then = [(output["bucket"], output["rows"], output["digest"]) for output in standing.body["outputs"]]
    return standing if then == computed.essence() else None


def _without_standing(inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs but for the results that stood: those of a repeated close are always the close before it."""
    return {name: value for name, value in inputs.items() if name != "standing"}


def manifest_body(inputs: Inputs, computed: Computed) -> dict[str, Any]:
    """The manifest: inputs by digest, the moment, the code, the engine, the outputs by digest, and what it follows."""
    return {
        "schema": SCHEMA,
        "inputs": inputs.body,
        "as_of": inputs.as_of.isoformat(),
        "code": version("tanpuhui"),
        "engine": computed.engine,
        "outputs": computed.outputs,
        "outcomes": computed.outcomes,
        "credited_mg": computed.credited_mg,
        "below_mg": computed.below_mg,
        "yearly": computed.yearly,
        "previous": inputs.previous.digest if inputs.previous else None,
    }


def _answer(manifest: Manifest, *, posted: bool) -> CloseAnswer:
    return CloseAnswer(
        manifest=manifest.digest,
        day=manifest.day,
        sequence=manifest.sequence,
        activities=manifest.activities,
        outcomes=manifest.body["outcomes"],
        credited_mg=manifest.credited_mg,
        posted=posted,
    )
