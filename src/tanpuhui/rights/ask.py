"""Ask: somebody asks for something about their own record, in their own words."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from tanpuhui.rights.deadline import due_on
from tanpuhui.rights.models import Request, RequestStep
from tanpuhui.rights.refusals import AlreadyAsked, ProofMissing, WordsMissing
from tanpuhui.rights.show import open_request
from tanpuhui.rights.state import State

MOST_CHARACTERS = 4_000
_IS_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LOCK = 0x72_69_67_68_74_73


def ask(
    account: int,
    kind: str,
    words: str,
    *,
    at: datetime,
    by: str = "resident",
    zone: str = "Asia/Shanghai",
    proof: str = "",
) -> Request:
    """Record a request with its deadline. One of a kind at a time: a second is refused until the first is answered.

    The same words again, sent twice by mistake, are answered as before.
    """
    assert kind in dict(Request.KINDS), "one of the kinds"
    said = words.strip()
    if not 1 <= len(said) <= MOST_CHARACTERS:
        raise WordsMissing(most=MOST_CHARACTERS)
    if kind == Request.HEIRS and not _IS_DIGEST.fullmatch(proof):
        raise ProofMissing
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK ^ account])
    standing = open_request(account, kind)
    if standing is not None:
        if standing.words == said:
            return standing
        raise AlreadyAsked(made_on=standing.made_at.astimezone(ZoneInfo(zone)).date())
    made_on = at.astimezone(ZoneInfo(zone)).date()
    with transaction.atomic():
        request = Request.objects.create(
            account=account, kind=kind, words=said, proof=proof, made_at=at, due_on=due_on(kind, made_on)
        )
        RequestStep.objects.create(request=request, seq=1, state=State.RECEIVED, at=at, by=by)
    return request
