"""Examine: what the verifier found about a sampled act: it agrees, it differs, or nothing supports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tanpuhui.access.models import User
from tanpuhui.kit.exact import INT64_MAX
from tanpuhui.verification.draw import draw_of
from tanpuhui.verification.engage import begin
from tanpuhui.verification.look import act_at
from tanpuhui.verification.models import Draw, Examination
from tanpuhui.verification.refusals import BadExamination

MOST_CHARACTERS = 2_000


@dataclass(frozen=True)
class Found:
    """A verdict with the right amount where it differs, and the evidence that was looked at."""

    verdict: str
    note: str
    right_mg: int | None = None


def examine(number: int, position: int, found: Found, *, by: User | None, at: datetime) -> Examination:
    """Write a verdict down. What is said again is answered as before; what is said otherwise follows, and counts."""
    engagement = begin(number)
    act = act_at(number, position)
    right_mg = _right_mg(found, act.credited_mg)
    last = Examination.objects.filter(act=act).order_by("-sequence").first()
    if last is not None and (last.verdict, last.right_mg, last.note) == (
        found.verdict,
        right_mg,
        found.note.strip(),
    ):
        return last
    return Examination.objects.create(
        engagement=engagement,
        act=act,
        sequence=last.sequence + 1 if last else 1,
        verdict=found.verdict,
        right_mg=right_mg,
        note=found.note.strip(),
        by=by,
        made_at=at,
    )


def newest(draw: Draw) -> Mapping[int, Examination]:
    """The examination that counts of each act that has one, by the act's number in the sample."""
    rows = (
        Examination.objects.filter(act__draw=draw)
        .select_related("act")
        .order_by("act", "-sequence")
        .distinct("act")
    )
    return {one.act.position: one for one in rows}


def left(number: int) -> list[int]:
    """The numbers of acts in the sample that nobody examined yet."""
    from tanpuhui.verification.engage import get_engagement

    found = draw_of(get_engagement(number))
    known = newest(found)
    return [place for place in range(1, found.acts.count() + 1) if place not in known]


def _right_mg(found: Found, credited_mg: int) -> int:
    if found.verdict not in Examination.VERDICTS:
        raise BadExamination(problem=f"{found.verdict!r} is no verdict.")
    if not found.note.strip() or len(found.note) > MOST_CHARACTERS:
        raise BadExamination(problem=f"The note has to say 1 to {MOST_CHARACTERS} characters.")
    if found.verdict == Examination.AGREES:
        if found.right_mg not in (None, credited_mg):
            raise BadExamination(problem="What agrees has no other amount.")
        return credited_mg
    if found.verdict == Examination.UNSUPPORTED:
        if found.right_mg not in (None, 0):
            raise BadExamination(problem="What nothing supports is worth nothing.")
        return 0
    if found.right_mg is None or not 0 <= found.right_mg <= INT64_MAX or found.right_mg == credited_mg:
        raise BadExamination(problem="What differs has an amount of its own, from 0 mg on.")
    return found.right_mg
