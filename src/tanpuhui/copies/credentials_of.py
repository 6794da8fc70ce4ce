"""Credentials of one account, as a section of its record: each as it was issued, with its status."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from tanpuhui.consent.artefact import moment_text
from tanpuhui.transparency.credential import state_of
from tanpuhui.transparency.credentials.form import SdJwt
from tanpuhui.transparency.models import Credential


def credentials_of(account: int, *, at: datetime) -> list[dict[str, Any]]:
    """Statements for banks and portability credentials; what was destroyed on request is not shown any more."""
    found = issued_for(account).filter(issued_at__lte=at).select_related("opening").order_by("pk")
    return [_credential(one) for one in found]


def issued_for(account: int) -> QuerySet[Credential]:
    """What was issued for a resident to take along."""
    ours = Q(statement__grant__resident=account) | Q(subject__startswith=f"account:{account}:")
    return Credential.objects.filter(ours)


def _credential(one: Credential) -> dict[str, Any]:
    opening: Any = getattr(one, "opening", None)
    return {
        "number": one.pk,
        "kind": one.kind,
        "issued_at": moment_text(one.issued_at),
        "expires_at": moment_text(one.expires_at) if one.expires_at else None,
        "status": state_of(one),
        "credential": SdJwt(one.jwt, tuple(opening.disclosures)).compact() if opening else None,
    }
