"""Proof: whether a statement's rows are what its verifier signed.

Certification and the audit ask it: rows that somebody wrote beside a statement bear no signature.
"""

from __future__ import annotations

from typing import Any

from tanpuhui.consent.artefact import verified
from tanpuhui.verification.key import STATEMENT
from tanpuhui.verification.keys import public_jwk
from tanpuhui.verification.models import Statement, StatementOf
from tanpuhui.verification.refusals import BadSignature


def unsigned(statement: Statement) -> str:
    """What of a statement's row, and of its engagement's, is not what its verifier signed; empty where all is."""
    engagement = statement.engagement
    if statement.key.organisation_id != engagement.verifier_id:
        return "key"
    try:
        content = verified(statement.jws, STATEMENT, BadSignature, public_jwk(statement.key))
    except (BadSignature, ValueError):
        # A key whose bytes were edited is no key.
        return "jws"
    if content != statement.content:
        return "content"
    rows: dict[str, Any] = {
        "engagement": engagement.pk,
        "verifier": engagement.verifier.code,
        "methodology": engagement.methodology,
        "vintage": engagement.vintage,
        "through": engagement.through.isoformat(),
        "data": engagement.data_digest,
        "manifests": engagement.manifests,
        "conclusion": statement.conclusion,
        "deducted_mg": statement.deducted_mg,
    }
    wrong = [name for name, value in rows.items() if content.get(name) != value]
    if content.get("projection", {}).get("population_mg") != statement.population_mg:
        wrong.append("population_mg")
    return ", ".join(wrong)


def is_signed(row: StatementOf, acts: str) -> bool:
    """Whether the signed text speaks of this close, with these acts of its methodology; ``acts`` is what it has now.

    Statements of before acts were signed name closes alone, by digest: a close's own digest fixes its acts.
    """
    content = row.statement.content
    if row.methodology != content["methodology"] or row.manifest not in content["manifests"]:
        return False
    signed = content.get("acts")
    return row.acts == acts and (
        signed is None or signed[content["manifests"].index(row.manifest)] == row.acts
    )
