"""Once: what an organisation asks for is done once for its key; what a verb said no to stays no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from ninja import Status

from tanpuhui.access.models import Organisation
from tanpuhui.api.provider.request import idempotency_key
from tanpuhui.api.provider.signature import Caller
from tanpuhui.api.refusals import KeyNotInForce
from tanpuhui.evidence.request import Answer, answered, claim, remember
from tanpuhui.kit.digest import digest_bytes
from tanpuhui.kit.refusal import Refusal


def caller_of(request: HttpRequest) -> Caller:
    """Who signed the request."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return caller


def organisation_of(request: HttpRequest) -> Organisation:
    """The organisation whose key signed; a key outlives no organisation of another kind."""
    caller = caller_of(request)
    found = Organisation.objects.filter(kind=caller.kind, code=caller.code).first()
    if found is None:
        raise KeyNotInForce(key_id=caller.key.key_id, state="of no organisation")
    return found


def once(
    request: HttpRequest, operation: str, do: Callable[[str], dict[str, Any] | Refusal]
) -> Status[dict[str, Any]]:
    """Do something once for its idempotency key: the same request again gets the answer that it had.

    ``do`` gets a key for its verb, which no other organisation and no other operation has. A refusal that it gives
    back is one that the verb has stored: it is committed, then raised.
    """
    caller = caller_of(request)
    key, digest = idempotency_key(request), digest_bytes(request.path.encode() + b"\n" + request.body)
    answer: Answer | None
    with transaction.atomic():
        claim(caller.provider, operation, key)
        answer = answered(caller.provider, operation, key, digest=digest)
        if answer is None:
            done = do(f"api:{caller.provider}:{operation}:{key}")
            if not isinstance(done, Refusal):
                answer = remember(
                    caller.provider, operation, key, digest=digest, answer=Answer(200, done), at=caller.at
                )
    if answer is None:
        assert isinstance(done, Refusal)
        raise done
    return Status(answer.status, answer.content)
