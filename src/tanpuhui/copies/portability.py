"""Portability: a credential that says which record of an account this platform gave out, for another one to take in.

It has the digest of the record's exact bytes, so that whoever gets both knows that nothing was added or left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from joserfc.jwk import ECKey

from tanpuhui.consent.artefact import moment_text
from tanpuhui.consent.policy import policy
from tanpuhui.copies.record import record
from tanpuhui.kit.digest import digest_bytes
from tanpuhui.transparency import credential as credentials
from tanpuhui.transparency.credentials import kinds
from tanpuhui.transparency.credentials.conceal import hidden
from tanpuhui.transparency.models import Credential

SCHEMA = "tanpuhui-account-portability/1"


@dataclass(frozen=True)
class Taken:
    """The record as it is written, its values, and the credential about it."""

    record: str
    values: dict[str, Any]
    credential: Credential


def take_along(account: int, *, at: datetime, holder: ECKey | None = None) -> Taken:
    """The record of an account with its credential, in the caller's transaction; each time another one."""
    values = record(account, at=at)
    text = written(values)
    claims = {
        "schema": SCHEMA,
        "account": account,
        "at": moment_text(at),
        "issuer": values["controller"]["name"],
        "record_schema": values["schema"],
        "opened_at": values["account"]["opened_at"],
        "balance": _balance(values["statement"]),
        "acts": len(values["more"]["acts"]),
    }
    made = credentials.issue_once(
        kinds.PORTABILITY,
        f"account:{account}:{uuid4()}",
        {"record_digest": digest_bytes(text.encode()), **hidden(claims)},
        issuer=policy().origin,
        at=at,
        holder=holder,
    )
    return Taken(text, values, made)


def written(value: Any) -> str:
    """JSON as it is in the zip: these bytes are what the digest is of."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _balance(statement: dict[str, Any]) -> dict[str, int]:
    return {name: statement[name] for name in ("certified_mg", "pending_mg", "retired_mg")}
