"""Verify: what the demonstration's verifier does with the first lot, from its keys to its signed statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import transaction

from tanpuhui.access.organise import get_organisation
from tanpuhui.client.key import SigningKey, generate_key, read_key, write_key
from tanpuhui.close.places import Places
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.verification import complete, recalculate
from tanpuhui.verification.conclude import conclude, statement_text
from tanpuhui.verification.declare import declaration_text, declare
from tanpuhui.verification.draw import draw
from tanpuhui.verification.engage import Proposal, engage
from tanpuhui.verification.examine import Found, examine
from tanpuhui.verification.finding import raise_finding, step
from tanpuhui.verification.key import DECLARATION, STATEMENT, sign
from tanpuhui.verification.keys import register_key
from tanpuhui.verification.look import look
from tanpuhui.verification.models import Finding, FindingStep, SampledAct, Statement
from tanpuhui.verification.plan import commit, digest_of_nonce, wanted_of

VERIFIER = "demo-verifier"
KEY_FILE = "demo-verifier.pem"
#: Invented, so that the same city has the same sample; a real verifier's and platform's are random.
NONCE, PLATFORM_NONCE = "a nonce of the demonstration's verifier", "a nonce of the demonstration's platform"
#: 46.7 g per person-kilometre, in tenths of a milligram for each metre.
TENTHS_MG_PER_M = 467


@dataclass(frozen=True)
class Lot:
    """The lot that is proposed, and where it can be looked into."""

    methodology: str
    version: int
    through: date
    operator: str
    places: Places
    jurisdiction: Jurisdiction
    library: Library
    folder: Path


def verify(lot: Lot, right_m: Mapping[int, int], *, at: datetime) -> Statement:
    """Go through a whole verification; ``right_m`` is the second document: ways that are not what a record says."""
    key = _key(lot.folder, at)
    organisation = get_organisation(VERIFIER)
    with transaction.atomic():
        engagement = engage(_proposal(lot, at), organisation, lot.jurisdiction)
        number = engagement.pk
        text = declaration_text(engagement, conflicts="None.")
        declare(number, sign(text, DECLARATION, key.private), by=None, at=at)
    answers = recalculate.compute_again(
        engagement, places=lot.places, jurisdiction=lot.jurisdiction, library=lot.library
    )
    report = complete.balance(number, places=lot.places)
    with transaction.atomic():
        recalculate.keep(number, answers, at=at)
        complete.keep(number, report, at=at)
        commit(
            number,
            digest_of_nonce(NONCE),
            wanted_of("90/10", share="0.7"),
            platform_nonce=PLATFORM_NONCE,
            places=lot.places,
            at=at,
        )
    later = at + timedelta(minutes=5)
    with transaction.atomic():
        drawn = draw(number, NONCE, places=lot.places, at=later)
        for act in drawn.acts.order_by("position"):
            _examine(number, act, right_m, lot.places, later)
        if right_m:
            _raise(number, later)
        else:
            _close_out(number, later)
        token = sign(statement_text(number), STATEMENT, key.private)
        return conclude(number, token, by=None, at=later)


def _proposal(lot: Lot, at: datetime) -> Proposal:
    return Proposal(
        key=f"the first lot, as of {at.isoformat()}",
        methodology=lot.methodology,
        version=lot.version,
        vintage=lot.through.year,
        through=lot.through,
        operator=lot.operator,
        opened_by="operator",
        at=at,
    )


def _examine(number: int, act: SampledAct, right_m: Mapping[int, int], places: Places, at: datetime) -> None:
    """Compare one act with the gates' log; what differs is looked at, and its resident sees that it was."""
    way_m = right_m.get(act.record_id)
    if way_m is None:
        examine(number, act.position, Found("agrees", "gates' log: the same way"), by=None, at=at)
        return
    look(number, act.position, places=places, by=None, at=at)
    found = Found("differs", f"gates' log: {way_m} m", way_m * TENTHS_MG_PER_M // 10)
    examine(number, act.position, found, by=None, at=at)


def _raise(number: int, at: datetime) -> None:
    raise_finding(
        number,
        severity=Finding.MAJOR,
        text="The map app's metro trips are three times as long as the gates' log has them.",
        asked="Let the provider correct them, and close their days again.",
        by=None,
        at=at,
    )


def _close_out(number: int, at: datetime) -> None:
    """What earlier engagements found is answered by the operator, seen in the correction, and closed."""
    for one in Finding.objects.filter(engagement__lt=number).order_by("engagement", "number"):
        of = (one.engagement_id, one.number)
        step(
            *of,
            FindingStep.ANSWERED,
            "The app corrected its trips; their days are closed again.",
            by=None,
            at=at,
        )
        step(
            *of, FindingStep.CLOSED, f"Seen: engagement {number} found no trip of that kind.", by=None, at=at
        )


def _key(folder: Path, at: datetime) -> SigningKey:
    """The verifier's key: in a real city it is on the verifier's own machine."""
    path = folder / KEY_FILE
    if path.exists():
        return read_key(VERIFIER, path)
    made = generate_key(VERIFIER)
    folder.mkdir(parents=True, exist_ok=True)
    write_key(made, path)
    with transaction.atomic():
        register_key(get_organisation(VERIFIER), made.public_bytes, at=at)
    return made
