"""Refusals of the resident's API itself, and the HTTP status of every refusal that it passes on."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class TokenMissing(Refusal):
    code = "api.token_missing"
    message = (
        "The request has no token. Send the field Authorization with 'Bearer' and a token of the account."
    )


class ScopeMissing(Refusal):
    code = "api.scope_missing"
    message = "This token may not do this: it lacks {needed}. Make one that may, in the account's settings."


class NoAccount(Refusal):
    code = "api.no_account"
    message = "The user of this token has no account. Open one first, on the pages."


class RequestInvalid(Refusal):
    code = "api.resident_request_invalid"
    message = "The request is not as the OpenAPI document says: {errors}. Correct it, then send it again."


class NotFound(Refusal):
    code = "api.resident_not_found"
    message = "There is nothing at this address. The addresses are in /api/v1/resident/openapi.json."


class OurFault(Refusal):
    code = "api.resident_our_fault"
    message = "Something went wrong on our side, and we have a note of it ({note}). Send the request again."


#: Statuses by code; what is not named is 422: understood, and refused for what it says.
STATUSES: dict[str, int] = {
    "api.token_missing": 401,
    "access.bad_token": 401,
    "api.too_many_requests": 429,
    "api.scope_missing": 403,
    "api.no_account": 403,
    "api.resident_not_found": 404,
    "close.unknown_act": 404,
    "integrity.already_appealed": 409,
    "integrity.no_more_appeals": 409,
    "integrity.too_many_open": 429,
    "api.resident_our_fault": 500,
}


def status_of(code: str) -> int:
    """The HTTP status of a refusal's code."""
    return STATUSES.get(code, 422)
