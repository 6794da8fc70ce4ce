"""Plan: the verifier commits to a nonce and says how precise the sample is to be; strata and sizes follow, published.

A coin that neither side can weight: the verifier's nonce is fixed by its digest before the platform's is made, and the
platform's is made before the verifier's is opened. The seed is of both, of the data and of the plan.
"""

from __future__ import annotations

import re
from datetime import datetime
from fractions import Fraction
from hashlib import sha256
from typing import Any

from tanpuhui.close.places import Places
from tanpuhui.kit.digest import digest_bytes, digest_json
from tanpuhui.kit.exact import parse_decimal
from tanpuhui.verification.earlier import lock_all, refuse_second
from tanpuhui.verification.engage import begin, data_digest, manifests_of
from tanpuhui.verification.frame import StratumOf, frame, strata
from tanpuhui.verification.models import Engagement, Plan
from tanpuhui.verification.refusals import BadPlan, DataChanged, NothingToVerify, PlanStands
from tanpuhui.verification.size import PRECISIONS, Wanted, allocate, size_of

SCHEMA = "tanpuhui-sampling-plan/1"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
#: Characters of a nonce at least: 128 bits in hexadecimal.
LEAST_NONCE = 32


def wanted_of(precision: str, *, share: str = "0.5", cluster: str = "1", icc: str = "0") -> Wanted:
    """What somebody typed, as numbers; refuses what is none or makes no sense."""
    if precision not in PRECISIONS:
        raise BadPlan(name="precision", given=precision, wanted=" or ".join(PRECISIONS))
    return Wanted(
        precision,
        _number(
            "share", share, "a share of at least 0.01 and at most 0.99", Fraction(1, 100), Fraction(99, 100)
        ),
        _number("cluster", cluster, "a number of acts from 1 to 1000000", Fraction(1), Fraction(1_000_000)),
        _number("icc", icc, "a correlation from 0 to 1", Fraction(0), Fraction(1)),
    )


def commit(
    number: int, nonce_digest: str, wanted: Wanted, *, platform_nonce: str, places: Places, at: datetime
) -> Plan:
    """Fix the plan and publish it with the digest of the verifier's nonce, once; another plan afterwards is refused.

    ``platform_nonce`` is random and made for this call.
    """
    if not _DIGEST.match(nonce_digest):
        raise BadPlan(name="nonce digest", given=nonce_digest, wanted="sha256: and 64 hexadecimal digits")
    engagement = begin(number)
    known = Plan.objects.filter(engagement=engagement).first()
    if known is not None:
        if known.nonce_digest != nonce_digest or known.body["wanted"] != wanted.as_json():
            raise PlanStands(number=number)
        return known
    refuse_changed(engagement)
    with frame(manifests_of(engagement), engagement.methodology, places) as engine:
        found = strata(engine)
    if not found:
        raise NothingToVerify(
            methodology=engagement.methodology, vintage=engagement.vintage, through=engagement.through
        )
    body = _body(engagement, wanted, found)
    lock_all()
    refuse_second(engagement)
    return Plan.objects.create(
        engagement=engagement,
        nonce_digest=nonce_digest,
        platform_nonce=platform_nonce,
        data_digest=engagement.data_digest,
        body=body,
        digest=digest_json(body),
        size=sum(one["draw"] for one in body["strata"]),
        committed_at=at,
    )


def digest_of_nonce(nonce: str) -> str:
    """What a verifier publishes of its nonce. A nonce is random and at least 32 characters long."""
    if len(nonce) < LEAST_NONCE or nonce != nonce.strip():
        raise BadPlan(
            name="nonce", given=f"{len(nonce)} characters", wanted=f"{LEAST_NONCE} random characters or more"
        )
    return digest_bytes(nonce.encode())


def seed_of(nonce: str, plan: Plan) -> str:
    """The seed: of the verifier's nonce, the platform's, the data and the plan; the database works it out as well."""
    said = "|".join([nonce, plan.platform_nonce, plan.data_digest, plan.digest])
    return sha256(said.encode()).hexdigest()


def refuse_changed(engagement: Engagement) -> None:
    """The closes of an engagement are still what they were when it was opened."""
    now = data_digest(manifests_of(engagement))
    if now != engagement.data_digest:
        raise DataChanged(number=engagement.pk, now=now, then=engagement.data_digest)


def _body(engagement: Engagement, wanted: Wanted, found: list[StratumOf]) -> dict[str, Any]:
    size = size_of(wanted, sum(one.acts for one in found))
    drawn = allocate(size.acts, [one.acts for one in found], [one.credited_mg for one in found])
    return {
        "schema": SCHEMA,
        "engagement": engagement.pk,
        "data": engagement.data_digest,
        "wanted": wanted.as_json(),
        "arithmetic": list(size.arithmetic),
        "acts": sum(one.acts for one in found),
        "credited_mg": sum(one.credited_mg for one in found),
        "strata": [one.as_json() | {"draw": acts} for one, acts in zip(found, drawn, strict=True)],
    }


def _number(name: str, given: str, wanted: str, least: Fraction, most: Fraction) -> Fraction:
    try:
        found = parse_decimal(given)
    except ValueError:
        found = least - 1
    if not least <= found <= most:
        raise BadPlan(name=name, given=given, wanted=wanted)
    return found
