"""Contents: what a statement says: balance and tier as the grant names them, where they come from, and no act."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.consent.artefact import moment_text
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import policy
from tanpuhui.disclosure.hand_over import BALANCE, TIER
from tanpuhui.ledger.connection import Connection
from tanpuhui.ledger.statement import statement
from tanpuhui.quantify.jurisdiction import Jurisdiction

SCHEMA = "tanpuhui-account-statement/1"


def contents(
    connection: Connection, grant: Grant, number: str, jurisdiction: Jurisdiction, *, at: datetime
) -> dict[str, Any]:
    """The statement of a grant's resident as of a moment, as canonical values."""
    drawn = statement(connection, grant.resident_id, at=at, limit=0)
    certified_mg, pending_mg, retired_mg = drawn.certified_mg(), drawn.pending_mg(), drawn.retired_mg()
    rules = policy()
    parties = {"platform": rules.parties["platform"].as_json(), "recipient": grant.artefact["recipient"]}
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "statement": number,
        "at": moment_text(at),
        "issuer": parties["platform"]["name"],
        "recipient": parties["recipient"]["name"],
        "purpose": grant.artefact["purpose"]["text"],
        "grant": {"number": grant.pk, "digest": grant.digest, "expires_at": moment_text(grant.expires_at)},
        "jurisdiction": jurisdiction.code,
        "notice": dict(jurisdiction.notice),
    }
    if BALANCE in grant.kinds:
        body["balance"] = {
            "certified_mg": certified_mg,
            "pending_mg": pending_mg,
            "retired_mg": retired_mg,
        }
    if TIER in grant.kinds:
        body["tier"] = _tier(certified_mg + retired_mg, jurisdiction, at)
    return body


def _tier(earned_mg: int, jurisdiction: Jurisdiction, at: datetime) -> dict[str, Any] | None:
    """The highest tier that certified reductions reach, whether still held or retired; ``None`` below the lowest."""
    found = jurisdiction.tier_of(earned_mg, at.date())
    if found is None:
        return None
    return {
        "name": found.content["name"],
        "least_kg": found.content["least_kg"],
        "status": found.status,
        "source": found.source,
    }
