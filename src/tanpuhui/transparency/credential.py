"""Credential: issue one about a subject, once; find it, and put it together again to be shown."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from joserfc.jwk import ECKey

from tanpuhui.transparency.credentials.form import SdJwt
from tanpuhui.transparency.credentials.issue import issue as sign
from tanpuhui.transparency.credentials.status_list import LEAST_ENTRIES
from tanpuhui.transparency.issuer import issuer_key, list_uri
from tanpuhui.transparency.models import Credential, CredentialOpening, StatusStep
from tanpuhui.transparency.refusals import CredentialUnknown, OpeningOfCredentialDestroyed

#: Places that are tried in a list; when all are taken the list is nearly full, and the next one is begun.
TRIES = 16
#: Somebody else may take a place in the same moment.
ATTEMPTS = 5


def issue_once(
    kind: str,
    subject: str,
    claims: Mapping[str, Any],
    *,
    issuer: str,
    at: datetime,
    expires_at: datetime | None = None,
    holder: ECKey | None = None,
) -> Credential:
    """The credential about a subject, in the caller's transaction: the living one, or a new one.

    A new one is made where there is none, and after the last was revoked. ``claims`` has
    :class:`~tanpuhui.transparency.credentials.conceal.Hidden` around what the holder may keep.
    """
    last = find(subject)
    if last is not None and state_of(last) != StatusStep.REVOKED:
        return last
    sequence = 1 if last is None else last.sequence + 1
    for attempt in range(ATTEMPTS):
        number, index = _place()
        said = {"iss": issuer, "iat": int(at.timestamp()), "vct": kind, **claims}
        if expires_at is not None:
            said["exp"] = int(expires_at.timestamp())
        said["status"] = {"status_list": {"idx": index, "uri": list_uri(issuer, number)}}
        signed = sign(said, issuer_key(), holder=holder)
        try:
            with transaction.atomic():
                made = Credential.objects.create(
                    kind=kind,
                    subject=subject,
                    sequence=sequence,
                    status_list=number,
                    status_index=index,
                    jwt=signed.jwt,
                    issued_at=at,
                    expires_at=expires_at,
                )
        except IntegrityError:
            known = find(subject)
            if known is not None and known.sequence == sequence:
                return known
            if attempt == ATTEMPTS - 1:
                raise
            continue
        CredentialOpening.objects.create(credential=made, disclosures=list(signed.disclosures))
        return made
    raise AssertionError("the last attempt answers or raises")


def find(subject: str) -> Credential | None:
    """The newest credential about a subject."""
    return Credential.objects.filter(subject=subject).order_by("-sequence").first()


def get(number: int) -> Credential:
    found = Credential.objects.filter(pk=number).first()
    if found is None:
        raise CredentialUnknown(number=number)
    return found


def state_of(credential: Credential) -> str:
    """``valid``, ``suspended`` or ``revoked``, as it is now."""
    last = credential.steps.order_by("-sequence").values_list("state", flat=True).first()
    return str(last) if last else StatusStep.VALID


def whole(credential: Credential) -> SdJwt:
    """The credential with everything to show."""
    opening = CredentialOpening.objects.filter(pk=credential.pk).first()
    if opening is None:
        raise OpeningOfCredentialDestroyed(number=credential.pk)
    return SdJwt(credential.jwt, tuple(opening.disclosures))


def destroy_opening(credential: Credential) -> bool:
    """Destroy what opens a credential's digests; its place in the status list stays."""
    deleted, _ = CredentialOpening.objects.filter(pk=credential.pk).delete()
    return bool(deleted)


def _place() -> tuple[int, int]:
    """A random place that is free: in the newest list, or in the next when that is nearly full."""
    number = Credential.objects.aggregate(last=Max("status_list"))["last"] or 1
    drawn = [secrets.randbelow(LEAST_ENTRIES) for _ in range(TRIES)]
    taken = set(
        Credential.objects.filter(status_list=number, status_index__in=drawn).values_list(
            "status_index", flat=True
        )
    )
    free = [index for index in drawn if index not in taken]
    return (number, free[0]) if free else (number + 1, drawn[0])
