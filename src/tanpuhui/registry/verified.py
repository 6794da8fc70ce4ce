"""Verified: what verifiers' statements say about the closes of a lot, before it is certified."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from tanpuhui.close.models import Manifest
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.closes import named
from tanpuhui.registry.refusals import VerificationMissing, VerificationRefused, VerifiedByAnother
from tanpuhui.verification.engage import names_of, plain
from tanpuhui.verification.stands import standing


def deducted(
    methodology: str, verifier: str, through: date, manifests: Sequence[Manifest], jurisdiction: Jurisdiction
) -> int:
    """How many milligrams statements take off a lot, for good.

    Where the rule of the day asks for a statement, each close needs one. What a verifier refused is never certified,
    whatever the rule says; the lot names who signed the newest statement.
    """
    found = standing(methodology, [one.digest for one in manifests])
    rule = jurisdiction.rule("verifications", through)
    if found.refused:
        raise VerificationRefused(count=len(found.refused), days=_days(manifests, found.refused))
    if rule is not None and rule.content["required"] and found.missing:
        raise VerificationMissing(
            jurisdiction=jurisdiction.code, count=len(found.missing), days=_days(manifests, found.missing)
        )
    if found.statements:
        signer = found.statements[-1].engagement.verifier
        if plain(verifier) not in names_of(signer):
            raise VerifiedByAnother(verifier=verifier, other=signer.code)
    return found.deducted_mg


def _days(manifests: Sequence[Manifest], digests: Collection[str]) -> str:
    return named([one.day for one in manifests if one.digest in digests])
