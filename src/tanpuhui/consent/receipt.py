"""Receipt: a person's own copy of a consent and all its steps, after ISO/IEC TS 27560:2023, signed; checked offline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tanpuhui.consent.artefact import moment_text, sign, verified
from tanpuhui.consent.gate import check_artefact
from tanpuhui.consent.models import GrantEvent
from tanpuhui.consent.refusals import ReceiptInvalid
from tanpuhui.consent.show import get_grant
from tanpuhui.consent.state import State

TYPE = "consent-receipt+jwt"
SCHEMA_VERSION = "ISO/IEC TS 27560:2023"
PROFILE = "dpv-27560:record"
_DPV = "https://w3id.org/dpv#"

#: A step in DPV's words. A paused consent is invalid for processing; DPV has no nearer word.
DPV_STATE = {
    State.REQUESTED: "ConsentRequested",
    State.REFUSED: "ConsentRefused",
    State.GIVEN: "ConsentGiven",
    State.PAUSED: "ConsentStatusInvalidForProcessing",
    State.RESUMED: "RenewedConsentGiven",
    State.WITHDRAWN: "ConsentWithdrawn",
    State.EXPIRED: "ConsentExpired",
    State.SUPERSEDED: "ConsentInvalidated",
    State.TERMINATED: "ConsentInvalidated",
}

#: What 27560 asks of every record (trust reference, section 2.3), by section; none may be missing or empty.
MANDATORY = {
    "header": ("schema_version", "record_id", "pii_principal_id"),
    "processing": (
        "privacy_notice",
        "language",
        "purpose",
        "pii_information",
        "pii_controllers",
        "storage_locations",
        "retention_period",
        "jurisdiction",
        "recipient_third_parties",
        "withdrawal_method",
    ),
    "parties": ("party_id", "party_address", "party_name", "party_contact", "party_type"),
    "events": ("event_time", "validity_duration", "entity_id", "event_type", "event_state"),
}


def receipt(grant_id: int, *, at: datetime) -> dict[str, Any]:
    """The record of a grant as it stands, with ``token``: the same, signed. Refuses an unknown or altered grant."""
    grant = get_grant(grant_id)
    artefact = check_artefact(grant)
    events = list(grant.events.order_by("seq"))
    record = {
        "header": {
            "schema_version": SCHEMA_VERSION,
            "profile": PROFILE,
            "record_id": f"grant:{grant.pk}",
            "pii_principal_id": f"account:{grant.resident_id}",
            "issued_at": moment_text(at),
        },
        "processing": _processing(artefact),
        "parties": [_party(artefact[role], role) for role in ("controller", "provider", "recipient")],
        "events": [_event(event, artefact) for event in events],
        "artefact": grant.token,
    }
    assert not missing_fields(record), "a receipt has every mandatory field"
    return record | {"token": sign(record, TYPE)}


def verify_receipt(token: str, key: dict[str, Any] | None = None) -> dict[str, Any]:
    """The record of a signed receipt; needs the public key (JWK) alone. Refuses an altered or incomplete one."""
    record = verified(token, TYPE, ReceiptInvalid, key)
    if missing := missing_fields(record):
        raise ReceiptInvalid(why=f"missing {', '.join(missing)}")
    return record


def missing_fields(record: dict[str, Any]) -> list[str]:
    """Mandatory fields that a record lacks or leaves empty, as ``section.field``."""
    return list(_missing(record))


def _missing(record: dict[str, Any]) -> Iterator[str]:
    for section, fields in MANDATORY.items():
        content = record.get(section) or {}
        parts = content if isinstance(content, list) else [content]
        for field in fields:
            if not all(part.get(field) for part in parts):
                yield f"{section}.{field}"


def _processing(artefact: dict[str, Any]) -> dict[str, Any]:
    recipient = artefact["recipient"]
    life = artefact["data_life"]
    return {
        "privacy_notice": artefact["notice"]["hash"],
        "privacy_notice_version": artefact["notice"]["version"],
        "language": artefact["notice"]["lang"],
        "purpose": artefact["purpose"],
        "lawful_basis": f"{_DPV}Consent",
        "pii_information": artefact["kinds"],
        "activity_types": artefact["activity_types"],
        "sensitive": artefact["sensitive"],
        "pii_controllers": [artefact["controller"]["id"]],
        "collection_method": artefact["collection_method"],
        "storage_locations": [artefact["storage_location"]],
        "retention_period": f"{life['value']} {life['unit']}",
        "jurisdiction": artefact["jurisdiction"],
        "recipient_third_parties": [recipient["id"]] if recipient["id"] != "platform" else ["none"],
        "withdrawal_method": artefact["withdraw_uri"],
        "privacy_rights": artefact["rights_uri"],
        "impact_assessment": artefact["pia_id"],
    }


def _party(party: dict[str, str], role: str) -> dict[str, str]:
    return {
        "party_id": party["id"],
        "party_name": party["name"],
        "party_address": party["address"],
        "party_contact": party["contact"],
        "party_type": f"{role}: {party['kind']}",
    }


def _event(event: GrantEvent, artefact: dict[str, Any]) -> dict[str, Any]:
    state = State(event.state)
    return {
        "event_time": moment_text(event.at),
        "validity_duration": f"{artefact['start']}/{artefact['expiry']}",
        "entity_id": event.by,
        "event_type": "explicit",
        "event_state": _DPV + DPV_STATE[state],
        "state": state.value,
        "method": event.method,
        "evidence_hash": event.evidence_hash,
    }
