"""Engage: open an engagement for a proposed lot, or a certified one, and freeze its data under one digest."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from django.db import connection

from tanpuhui.access.models import Organisation
from tanpuhui.close.models import Manifest
from tanpuhui.close.standing import standing_with
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.exact import parse_decimal
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.verification.data import acts_digest, speaks_of, spoken_of
from tanpuhui.verification.earlier import lock_all, refuse_second
from tanpuhui.verification.models import LOCK, Engagement, Statement
from tanpuhui.verification.refusals import (
    BadPlan,
    EngagementEnded,
    EngagementUnknown,
    NotAVerifier,
    NotDeclared,
    NothingToVerify,
    OperatorVerifies,
    OtherEngagement,
)

OPERATOR, VERIFIER = "operator", "verifier"
#: Of what is credited, in per cent, where neither a rule nor the engagement says otherwise.
USUAL_MATERIALITY = "5"
_MILLION = 1_000_000


@dataclass(frozen=True)
class Proposal:
    """What is to be verified: the lot as it is proposed, by whom it would be certified, and who looks into it.

    ``lot`` names a lot that is certified already, with its own ``manifests``; a proposed one rests on the closes that
    stand. ``whole`` takes closes again that a statement speaks of already.
    """

    key: str
    methodology: str
    version: int
    vintage: int
    through: date
    operator: str
    opened_by: str
    at: datetime
    lot: str = ""
    manifests: tuple[str, ...] = ()
    whole: bool = False
    materiality_percent: str | None = None

    @property
    def of(self) -> str:
        return f"{self.methodology}@{self.version}"


def engage(proposal: Proposal, verifier: Organisation, jurisdiction: Jurisdiction) -> Engagement:
    """Open an engagement, once under its key: of the closes that stand and that no statement speaks of yet.

    Refused while somebody has a sample of any of them under way, and after a refusal until a close is made anew.
    """
    assert proposal.opened_by in (OPERATOR, VERIFIER)
    if verifier.kind != Organisation.VERIFIER:
        raise NotAVerifier(organisation=verifier.code)
    if plain(proposal.operator) in names_of(verifier) or not plain(proposal.operator):
        raise OperatorVerifies(verifier=verifier.code)
    lock_all()
    asked = _asked(proposal, verifier, jurisdiction)
    known = Engagement.objects.filter(key=proposal.key).first()
    if known is not None:
        if known.content_digest != asked:
            raise OtherEngagement(key=proposal.key)
        return known
    manifests = _manifests(proposal)
    if not manifests:
        raise NothingToVerify(methodology=proposal.of, vintage=proposal.vintage, through=proposal.through)
    share_ppm, source = _materiality(proposal, jurisdiction)
    made = Engagement(
        key=proposal.key,
        content_digest=asked,
        verifier=verifier,
        operator=proposal.operator,
        opened_by=proposal.opened_by,
        jurisdiction=jurisdiction.code,
        lot=proposal.lot,
        methodology=proposal.of,
        vintage=proposal.vintage,
        through=proposal.through,
        manifests=[one.digest for one in manifests],
        acts=[acts for one in manifests if (acts := acts_digest(one, proposal.of))],
        data_digest=data_digest(manifests),
        materiality_ppm=share_ppm,
        materiality_source=source,
        opened_at=proposal.at,
    )
    refuse_second(made)
    made.save(force_insert=True)
    return made


def data_digest(manifests: Sequence[Manifest]) -> str:
    """One digest over the closes: each manifest with its result files."""
    return digest_json(
        [
            {
                "manifest": one.digest,
                "results": [
                    [output["bucket"], output["rows"], output["digest"], output["results"], output["credits"]]
                    for output in one.body["outputs"]
                ],
            }
            for one in manifests
        ]
    )


def manifests_of(engagement: Engagement) -> list[Manifest]:
    """The closes of an engagement, by day."""
    return list(Manifest.objects.filter(digest__in=engagement.manifests).order_by("day", "sequence"))


def get_engagement(number: int) -> Engagement:
    """One engagement by its number."""
    known = Engagement.objects.select_related("verifier").filter(pk=number).first()
    if known is None:
        raise EngagementUnknown(number=number)
    return known


def begin(number: int, *, declared: bool = True, ended: bool = False) -> Engagement:
    """The engagement under its lock, for a verb: with its declaration unless that is what is made, and not ended.

    ``ended`` lets the verb work after the statement too.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, number])
    engagement = get_engagement(number)
    if not ended and Statement.objects.filter(engagement=engagement).exists():
        raise EngagementEnded(number=number)
    if declared and not hasattr(engagement, "declaration"):
        raise NotDeclared(number=number)
    return engagement


def names_of(verifier: Organisation) -> set[str]:
    """Every name that an organisation goes by, however it is spelled."""
    return {plain(verifier.name_zh), plain(verifier.name_en), plain(verifier.code)}


def plain(name: str) -> str:
    """A name without what only spelling changes."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _asked(proposal: Proposal, verifier: Organisation, jurisdiction: Jurisdiction) -> str:
    return digest_json(
        [
            *(
                verifier.code,
                proposal.operator,
                proposal.opened_by,
                jurisdiction.code,
                proposal.lot,
                proposal.of,
            ),
            *(proposal.vintage, proposal.through.isoformat(), proposal.whole, proposal.materiality_percent),
        ]
    )


def _manifests(proposal: Proposal) -> list[Manifest]:
    if proposal.lot:
        return list(Manifest.objects.filter(digest__in=proposal.manifests).order_by("day", "sequence"))
    first = date(proposal.vintage, 1, 1)
    found = standing_with(proposal.methodology, proposal.version, first=first, through=proposal.through)
    acts = {one.digest: acts_digest(one, proposal.of) for one in found}
    spoken = [] if proposal.whole else spoken_of(proposal.of, acts)
    known = {
        name
        for one in spoken
        if one.statement.conclusion != Statement.REFUSE
        for name in acts
        if speaks_of(one, name, acts)
    }
    return [one for one in found if one.digest not in known and one.day.year == proposal.vintage]


def _materiality(proposal: Proposal, jurisdiction: Jurisdiction) -> tuple[int, str]:
    """The share that may be overstated, in millionths: the engagement's, never above the rule's; the rule's; 5 %."""
    rule = jurisdiction.rule("verifications", proposal.through)
    allowed = rule.content["materiality_percent"] if rule else USUAL_MATERIALITY
    source = rule.source if rule else "usual where no rule says otherwise"
    given = proposal.materiality_percent
    if given is None:
        return _ppm(allowed, allowed), source
    return _ppm(given, allowed), "agreed for this engagement"


def _ppm(given: str, most: str) -> int:
    try:
        share: Fraction = parse_decimal(given) * _MILLION / 100
    except ValueError:
        share = Fraction(-1)
    if share.denominator != 1 or not 1 <= share <= parse_decimal(most) * _MILLION / 100:
        raise BadPlan(name="materiality", given=given, wanted=f"a percentage above 0 and up to {most}")
    return int(share)
