"""Limits: how many requests a key, and an address, may make in a minute, and the fields that say so."""

from __future__ import annotations

import time
from datetime import datetime

from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from tanpuhui.api.refusals import TooManyRequests
from tanpuhui.evidence.request import count_request, requests_of

#: Requests a minute; settings of the same names with PROVIDER_ before them change them.
KEY_REQUESTS_PER_MINUTE = 30_000
ADDRESS_REQUESTS_PER_MINUTE = 60_000
#: Requests a minute whose signature is refused, of one address: what slows those who guess.
ADDRESS_FAILURES_PER_MINUTE = 300


def limit(name: str) -> int:
    """A limit as this installation has it."""
    return int(getattr(settings, f"PROVIDER_{name}", globals()[name]))


def address_of(request: HttpRequest) -> str:
    """Where a request came from: as our own proxies say it, where some stand in front."""
    try:
        return get_client_ip(request) or "unknown"
    except ImproperlyConfigured:
        return "unknown"


def refuse_guessing(request: HttpRequest, *, at: datetime) -> None:
    """Refuse an address that made too many requests with a wrong signature in this minute."""
    most = limit("ADDRESS_FAILURES_PER_MINUTE")
    failures = requests_of(f"failed|{address_of(request)}", at=at)
    if failures >= most:
        raise _too_many(failures, most, "requests with a wrong signature", at)


def count_failure(request: HttpRequest, *, at: datetime) -> None:
    """Count a request whose signature was refused, however the transaction around it ends."""
    count_request(f"failed|{address_of(request)}", at=at)


def count_signed(request: HttpRequest, key_id: str, *, at: datetime) -> None:
    """Count a request of a key; refuses it beyond the key's limit, or its address's."""
    address, key = f"address|{address_of(request)}", f"key|{key_id}"
    counts = count_request(address, key, at=at)
    most, count = limit("ADDRESS_REQUESTS_PER_MINUTE"), counts[address]
    if count > most:
        raise _too_many(count, most, "one address", at)
    most, count = limit("KEY_REQUESTS_PER_MINUTE"), counts[key]
    request.META["tanpuhui.requests_left"] = max(0, most - count)
    if count > most:
        raise _too_many(count, most, "one key", at)


def say_limits(request: HttpRequest, response: HttpResponse) -> None:
    """Add RateLimit-Policy and RateLimit (IETF draft): what is allowed, what is left, and for how long."""
    left = request.META.get("tanpuhui.requests_left")
    if left is not None:
        response["RateLimit-Policy"] = f'"key";q={limit("KEY_REQUESTS_PER_MINUTE")};w=60'
        response["RateLimit"] = f'"key";r={left};t={_rest_of_minute(time.time())}'


def _too_many(count: int, most: int, what: str, at: datetime) -> TooManyRequests:
    return TooManyRequests(count=count, limit=most, what=what, retry_after_s=_rest_of_minute(at.timestamp()))


def _rest_of_minute(at_s: float) -> int:
    return 60 - int(at_s) % 60
