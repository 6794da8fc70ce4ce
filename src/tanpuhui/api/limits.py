"""Limits: how many requests a key, a token, and an address may make in a minute, and the fields that say so."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from tanpuhui.api.refusals import TooManyRequests
from tanpuhui.evidence.request import count_request, requests_of

KEY, TOKEN = "PROVIDER_KEY_REQUESTS_PER_MINUTE", "RESIDENT_TOKEN_REQUESTS_PER_MINUTE"
ADDRESS, FAILURES = "PROVIDER_ADDRESS_REQUESTS_PER_MINUTE", "PROVIDER_ADDRESS_FAILURES_PER_MINUTE"
#: Requests a minute; settings of the same names change them. What is refused because its signature or token is wrong
#: is counted by address: that slows those who guess.
LIMITS = {KEY: 30_000, ADDRESS: 60_000, FAILURES: 300, TOKEN: 600}

#: The field of a refusal for now, as an OpenAPI document describes it.
RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which the same request may be sent again.",
        "schema": {"type": "string"},
        "example": "30",
    }
}
#: Before a token's number, where its requests are counted.
TOKEN_SUBJECT = "token|"


def limit(name: str) -> int:
    """A limit as this installation has it."""
    return int(getattr(settings, name, LIMITS[name]))


def address_of(request: HttpRequest) -> str:
    """Where a request came from: as our own proxies say it, where some stand in front."""
    try:
        return get_client_ip(request) or "unknown"
    except ImproperlyConfigured:
        return "unknown"


def refuse_guessing(request: HttpRequest, *, at: datetime) -> None:
    """Refuse an address that made too many requests with a wrong signature or token in this minute."""
    most = limit(FAILURES)
    failures = requests_of(f"failed|{address_of(request)}", at=at)
    if failures >= most:
        raise _too_many(failures, most, "requests with a wrong signature or token", at)


def count_failure(request: HttpRequest, *, at: datetime) -> None:
    """Count a request whose signature or token was refused, however the transaction around it ends."""
    count_request(f"failed|{address_of(request)}", at=at)


def count_signed(request: HttpRequest, key_id: str, *, at: datetime) -> None:
    """Count a request of a key; refuses it beyond the key's limit, or its address's."""
    address, key = f"address|{address_of(request)}", f"key|{key_id}"
    counts = count_request(address, key, at=at)
    most, count = limit(ADDRESS), counts[address]
    if count > most:
        raise _too_many(count, most, "one address", at)
    _refuse_beyond(request, "key", limit(KEY), counts[key], at)


def count_token(request: HttpRequest, token: UUID, *, at: datetime) -> None:
    """Count a request with a resident's token; refuses it beyond the token's limit."""
    subject = subject_of(token)
    _refuse_beyond(request, "token", limit(TOKEN), count_request(subject, at=at)[subject], at)


def subject_of(token: UUID) -> str:
    """Under which name a token's requests are counted."""
    return f"{TOKEN_SUBJECT}{token}"


def say_limits(request: HttpRequest, response: HttpResponse) -> None:
    """Say in an answer what is allowed, what is left, and for how long."""
    for name, value in request.META.get("tanpuhui.limits", ()):
        response[name] = value


def fields_of(what: str, *, most: int, count: int, at: datetime) -> list[tuple[str, str]]:
    """RateLimit-Policy and RateLimit (IETF draft) of whoever made so many requests in this minute."""
    left = max(0, most - count)
    return [
        ("RateLimit-Policy", f'"{what}";q={most};w=60'),
        ("RateLimit", f'"{what}";r={left};t={_rest_of_minute(at.timestamp())}'),
    ]


def limit_fields(what: str) -> dict[str, Any]:
    """The fields that say what is left, as an OpenAPI document describes them."""
    most = LIMITS[KEY if what == "key" else TOKEN]
    return {
        "RateLimit-Policy": {
            "description": f"Requests that a {what} may make in a minute (IETF draft).",
            "schema": {"type": "string"},
            "example": f'"{what}";q={most};w=60',
        },
        "RateLimit": {
            "description": "Requests that are left, and seconds until there are more.",
            "schema": {"type": "string"},
            "example": f'"{what}";r={most - 1};t=42',
        },
    }


def _refuse_beyond(request: HttpRequest, what: str, most: int, count: int, at: datetime) -> None:
    request.META["tanpuhui.limits"] = fields_of(what, most=most, count=count, at=at)
    if count > most:
        raise _too_many(count, most, f"one {what}", at)


def _too_many(count: int, most: int, what: str, at: datetime) -> TooManyRequests:
    return TooManyRequests(count=count, limit=most, what=what, retry_after_s=_rest_of_minute(at.timestamp()))


def _rest_of_minute(at_s: float) -> int:
    return 60 - int(at_s) % 60
