"""Keys: see yours, register the next one, revoke one: rotation without a gap and without the operator."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from tanpuhui.api.provider import schemas
from tanpuhui.api.provider.batches import signed
from tanpuhui.api.provider.corrections import once
from tanpuhui.api.provider.document import CHANGES_SOMETHING, refusals
from tanpuhui.api.provider.signature import Caller
from tanpuhui.api.refusals import ProviderKeyUnknown
from tanpuhui.evidence import provider_key
from tanpuhui.evidence.request import Answer

router = Router(tags=["keys"])


@router.get(
    "/keys",
    operation_id="list_keys",
    summary="List keys",
    auth=signed,
    response={200: schemas.Keys, **refusals(429)},
)
def list_keys(request: HttpRequest) -> Any:
    """Every key of yours, also those that are revoked."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return {"keys": [key.as_json(caller.at) for key in provider_key.keys_of(caller.provider)]}


@router.post(
    "/keys",
    operation_id="add_key",
    summary="Register the next key",
    auth=signed,
    response={201: schemas.Key, **refusals(409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def add_key(request: HttpRequest, new: schemas.NewKey) -> Any:
    """Register a further public key, in a request that the present key signs. Both are in force until one is revoked
    or ends. At most three of your keys may be in force or coming.
    """

    def register(caller: Caller) -> Answer:
        key = provider_key.add_key(
            caller.provider,
            provider_key.read_public_key(new.public_key),
            valid_from=new.valid_from or caller.at,
            valid_to=new.valid_to,
            made_by=caller.key.key_id,
            at=caller.at,
        )
        return Answer(201, key.as_json(caller.at))

    return once(request, "keys", register)


@router.post(
    "/keys/revocations",
    operation_id="revoke_key",
    summary="Revoke a key",
    auth=signed,
    response={200: schemas.Key, **refusals(404, 409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def revoke_key(request: HttpRequest, revocation: schemas.Revocation) -> Any:
    """Revoke one of your keys at once and for good. Your last key in force can only be revoked by the operator."""

    def revoke(caller: Caller) -> Answer:
        try:
            key = provider_key.revoke_key(
                revocation.key_id,
                reason=revocation.reason,
                at=caller.at,
                by=caller.key.key_id,
                provider=caller.provider,
            )
        except provider_key.KeyUnknown as error:
            raise ProviderKeyUnknown(key_id=revocation.key_id) from error
        return Answer(200, key.as_json(caller.at))

    return once(request, "revocations", revoke)
