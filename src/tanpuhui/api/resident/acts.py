"""Acts: a person's acts, and the trace of one, as JSON says them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils.translation import get_language

from tanpuhui.close.acts import Act, page_of
from tanpuhui.close.installation import places
from tanpuhui.close.summary import ILLUSTRATIVE, status_of
from tanpuhui.close.trace import Trace
from tanpuhui.integrity.look import decisions_of
from tanpuhui.kit.exact import format_fraction
from tanpuhui.kit.moment import from_us
from tanpuhui.methodology.methodology import Methodology, Text
from tanpuhui.methodology.typeset import latex
from tanpuhui.quantify.outcome import MEANING


def page(
    account: int, *, before: date | None, month: str | None, kind: str | None, outcome: str | None
) -> dict[str, Any]:
    """The acts of some days, newest first, and the day to go on before."""
    first = date.fromisoformat(f"{month}-01") if month else None
    if first:
        after = (first + timedelta(days=32)).replace(day=1)
        before = min(before, after) if before else after

    def keep(act: Act) -> bool:
        return kind in (None, act.kind) and outcome in (None, act.outcome.name)

    found = page_of(account, places(), before=before, first=first, keep=keep)
    return {"acts": [act_said(act) for act in found.acts], "earlier": found.earlier}


def act_said(act: Act) -> dict[str, Any]:
    """An act; numbers of records are text, since they may be above what a double holds."""
    return {
        "record": str(act.record_id),
        "day": act.day,
        "kind": act.kind,
        "provider": act.provider,
        "started_at": from_us(act.started_us),
        "ended_at": from_us(act.ended_us),
        "outcome": act.outcome.name,
        "meaning": MEANING[act.outcome][0 if is_chinese() else 1],
        "methodology": act.methodology,
        "avoided_mg": act.avoided_mg,
        "credited_mg": act.credited_mg,
        "rival": str(act.rival_id) if act.rival_id else None,
        "clause": act.clause,
        "measures": dict(act.measures),
        "manifest": act.manifest,
    }


def trace_said(found: Trace) -> dict[str, Any]:
    """A trace: everything that the page shows."""
    methodology, explanation = found.methodology, found.explanation
    return {
        "act": act_said(found.act),
        "methodology": found.act.methodology,
        "title": _said(methodology.title) if methodology else "",
        "digest": found.digest,
        "is_other_folder": found.is_other_folder,
        "factors_of": found.factors_of,
        "status": _status(found),
        "steps": _steps(found),
        "factors": [
            {
                "name": factor.name,
                "title": _title(methodology, factor.name),
                "value": format_fraction(factor.value),
                "unit": factor.unit.symbol,
                "status": factor.status,
                "source": factor.source,
                "review_by": factor.review_by,
            }
            for factor in (explanation.factors if explanation else ())
        ],
        "caps": [
            {"per": cap.per, "limit_mg": cap.limit_mg, "clause": cap.clause, "status": cap.status}
            for cap in (methodology.caps if methodology and not found.is_other_folder else ())
        ],
        "lacking": [field.name for field in found.lacking],
        "weighed": _weighed(found),
        "grant": found.grant,
        "sequence": found.act.sequence,
        "as_of": found.as_of,
        "lots": list(found.lots),
        "verdicts": [
            {"rules": list(one.rules), "decision": one.decision, "reason": one.reason, "decided_at": one.at}
            for one in decisions_of(found.act.account, found.act.record_id)
        ],
    }


def _weighed(found: Trace) -> dict[str, Any] | None:
    weighed = found.weighed
    if weighed is None:
        return None
    return {
        "station": weighed.station,
        "first_day": weighed.first_day,
        "last_day": weighed.last_day,
        "source": weighed.source,
        "sorted_g": weighed.sorted_g,
        "fetched_g": weighed.fetched_g,
        "counted_g": weighed.counted_g,
        "score_permille": weighed.score_permille,
        "reason": weighed.reason,
        "mass_g": weighed.mass_g,
        "counted_mass_g": weighed.counted_mass_g,
    }


def _steps(found: Trace) -> list[dict[str, Any]]:
    if found.methodology is None or found.explanation is None or not found.explanation.steps:
        return []
    return [
        {
            "name": step.name,
            "title": _said(step.title),
            "formula": step.formula,
            "latex": latex(step.expression),
            "substituted": line.substituted,
            "value": line.value,
            "unit": line.unit,
        }
        for step, line in zip(found.methodology.steps, found.explanation.steps, strict=True)
    ]


def _status(found: Trace) -> str:
    if found.in_retrospect:
        return ILLUSTRATIVE
    return status_of(found.act.methodology, found.act.day) if found.act.methodology else ""


def _title(methodology: Methodology | None, name: str) -> str:
    return _said(methodology.parameters[name].title) if methodology else name


def _said(text: Text) -> str:
    return text.zh if is_chinese() else text.en


def is_chinese() -> bool:
    return (get_language() or "zh").startswith("zh")
