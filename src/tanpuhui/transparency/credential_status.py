"""Credential status: suspend, restore and revoke credentials, and publish the status lists that say so."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.db.models import Max, OuterRef, Subquery

from tanpuhui.kit.files import write_bytes
from tanpuhui.transparency.credentials.key import read_header, verify_jwt
from tanpuhui.transparency.credentials.refusals import SignatureWrong
from tanpuhui.transparency.credentials.status_list import (
    LEAST_ENTRIES,
    TYPE,
    Status,
    StatusList,
    sign_list,
)
from tanpuhui.transparency.issuer import issuer_key, list_uri, lists
from tanpuhui.transparency.models import Credential, StatusStep
from tanpuhui.transparency.refusals import ReasonMissing, StatusCannotFollow, SuspensionOfAnother

BITS = 2
#: A verifier may keep a list for half a day and must have another after a day; it is signed anew every hour.
TTL_S, GOOD_FOR_S, AGAIN_S = 43_200, 86_400, 3_600
_NUMBERS = {StatusStep.SUSPENDED: Status.SUSPENDED, StatusStep.REVOKED: Status.REVOKED}
MOST_CHARACTERS = 500
#: Who did a step that a person asked for; which person, the audit trail says.
OPERATOR = "operator"
#: Advisory lock of a credential's steps.
LOCK = 0x637265


def suspend(credential: Credential, *, reason: str, by: str, at: datetime) -> StatusStep | None:
    """Nobody should rely on it for now; ``None`` when it is suspended already.

    An operator suspends over what a consent or an annulment suspended: then neither of them restores it.
    """
    return _step(credential, StatusStep.SUSPENDED, reason, by, at)


def restore(credential: Credential, *, reason: str, by: str, at: datetime) -> StatusStep | None:
    """A suspended credential is valid again; ``None`` when it is valid.

    Each restores what it suspended itself. For anybody but an operator what another suspended is ``None`` too; an
    operator is told why it is suspended (:class:`~tanpuhui.transparency.refusals.SuspensionOfAnother`). Whoever lets an
    operator restore follows consents and annulments in the same transaction: one may be paused since.
    """
    return _step(credential, StatusStep.VALID, reason, by, at)


def revoke(credential: Credential, *, reason: str, by: str, at: datetime) -> StatusStep | None:
    """Nobody should ever rely on it again; ``None`` when it is revoked already."""
    return _step(credential, StatusStep.REVOKED, reason, by, at)


def _step(credential: Credential, state: str, reason: str, by: str, at: datetime) -> StatusStep | None:
    reason = " ".join(reason.split())
    if not 1 <= len(reason) <= MOST_CHARACTERS:
        raise ReasonMissing(most=MOST_CHARACTERS)
    _lock(credential)
    last = credential.steps.order_by("-sequence").first()
    now = last.state if last else StatusStep.VALID
    is_over = last is not None and state == now == StatusStep.SUSPENDED and by == OPERATOR != last.by
    if now == state and not is_over:
        return None
    if now == StatusStep.REVOKED:
        raise StatusCannotFollow(number=credential.pk, now=now, wanted=state)
    if last is not None and state == StatusStep.VALID and by != last.by:
        if by == OPERATOR:
            raise SuspensionOfAnother(number=credential.pk, by=last.by, reason=last.reason)
        return None
    sequence = last.sequence + 1 if last else 1
    return StatusStep.objects.create(
        credential=credential, sequence=sequence, state=state, reason=reason, by=by, at=at
    )


def states_of(number: int) -> StatusList:
    """A status list as it is now."""
    last = StatusStep.objects.filter(credential=OuterRef("pk")).order_by("-sequence").values("state")[:1]
    found = (
        Credential.objects.filter(status_list=number, steps__isnull=False)
        .annotate(state=Subquery(last))
        .exclude(state=StatusStep.VALID)
        .values_list("status_index", "state")
        .distinct()
    )
    return StatusList.of({index: _NUMBERS[state] for index, state in found}, bits=BITS, entries=LEAST_ENTRIES)


def publish_lists(issuer: str, *, at: datetime, again: bool = False) -> int:
    """Sign every list whose states changed or that was signed an hour ago, as files; answers how many.

    The first list is there before the first credential. ``again`` signs all of them.
    """
    last = Credential.objects.aggregate(last=Max("status_list"))["last"] or 1
    return sum(_publish(issuer, number, at, again) for number in range(1, last + 1))


def _publish(issuer: str, number: int, at: datetime, again: bool) -> bool:
    uri, at_s, states = list_uri(issuer, number), int(at.timestamp()), states_of(number)
    if not again and _is_fresh(number, uri, states, at_s):
        return False
    token = sign_list(
        states, issuer_key(), issuer=issuer, uri=uri, at_s=at_s, good_for_s=GOOD_FOR_S, ttl_s=TTL_S
    )
    lists().mkdir(exist_ok=True)
    write_bytes(lists() / str(number), token.encode())
    return True


def _is_fresh(number: int, uri: str, states: StatusList, at_s: int) -> bool:
    """Whether what is published says the same, by the same key, and was signed less than an hour ago."""
    try:
        token = (lists() / str(number)).read_text()
        read_header(token, TYPE)
        said = verify_jwt(token, issuer_key(), what="the status list")
    except (FileNotFoundError, SignatureWrong):
        return False
    is_same = said["sub"] == uri and said["status_list"]["lst"] == states.packed()
    return bool(is_same and said["iat"] <= at_s < said["iat"] + AGAIN_S)


def _lock(credential: Credential) -> None:
    """One step of a credential at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashint8(%s))", [LOCK, credential.pk])
