"""A provider that calls the API in this process: the real client over the real WSGI application, or by hand."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from django.core.handlers.wsgi import WSGIHandler
from django.db import transaction

from tanpuhui.client import Client, SigningKey, generate_key
from tanpuhui.client.sign import Outgoing, sign
from tanpuhui.evidence.provider_key import add_key
from tanpuhui.kit.moment import utc_now

HOST = "http://localhost"
BATCHES = "/api/v1/provider/batches"
GENERIC = "source_id,person,kind,started_at,ended_at,distance_m"
RIDE = "2026-03-02T08:10:00+08:00,2026-03-02T08:31:00+08:00"


def rides(*rows: str) -> bytes:
    """A CSV of rides: each row is ``id,person`` or ``id,person,distance``."""
    lines = [GENERIC]
    for row in rows:
        source_id, person, *distance = row.split(",")
        lines.append(f"{source_id},{person},bike_trip,{RIDE},{distance[0] if distance else 4200}")
    return "".join(f"{line}\n" for line in lines).encode()


def registered(provider: str = "generic", **validity: Any) -> SigningKey:
    """A new key that the operator registered."""
    key = generate_key(provider)
    now = utc_now()
    with transaction.atomic():
        add_key(
            provider,
            key.public_bytes,
            valid_from=validity.get("valid_from", now - timedelta(minutes=1)),
            valid_to=validity.get("valid_to"),
            at=now,
        )
    return key


def client(key: SigningKey, **options: Any) -> Client:
    """The shipped client, over the application in this process; it never really waits."""
    transport = httpx.WSGITransport(WSGIHandler(), raise_app_exceptions=True)
    return Client(
        HOST, key, transport=transport, sleep=lambda _seconds: None, **({"language": "en"} | options)
    )


@dataclass
class Call:
    """One request by hand, right in every respect unless a test makes it wrong."""

    key: SigningKey
    method: str = "POST"
    path: str = BATCHES
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    after_signing: dict[str, str] = field(default_factory=dict)
    sent_body: bytes | None = None
    sent_path: str | None = None
    sent_method: str | None = None
    at: datetime | None = None
    nonce: str | None = None

    def send(self) -> httpx.Response:
        request = self.signed()
        for name in list(request.headers):
            if name.lower() in self.without:
                del request.headers[name]
        request.headers.update(self.after_signing)
        content = self.body if self.sent_body is None else self.sent_body
        with httpx.Client(transport=httpx.WSGITransport(WSGIHandler())) as http:
            return http.request(
                self.sent_method or self.method,
                HOST + (self.sent_path or self.path),
                headers=request.headers,
                content=content,
            )

    def signed(self) -> Outgoing:
        request = Outgoing(self.method, HOST + self.path, {"Accept-Language": "en", **self.headers})
        if self.body is not None:
            request.headers.setdefault("Content-Type", "text/csv")
            request.headers.setdefault("Content-Digest", digest(self.body))
            request.headers.setdefault(
                "Idempotency-Key", json.dumps("k-" + hashlib.sha256(self.body).hexdigest())
            )
        for name in self.without:
            request.headers = {each: value for each, value in request.headers.items() if each.lower() != name}
        sign(request, self.key, at=self.at or datetime.now(UTC), nonce=self.nonce)
        return request


def digest(content: bytes) -> str:
    """Content-Digest, written out here once more."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def code_of(response: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem, once it is one."""
    assert response.headers["Content-Type"] == "application/problem+json", response.text[:500]
    content = response.json()
    assert content["status"] == response.status_code
    assert content["type"] == "urn:tanpuhui:problem:" + content["code"]
    assert content["detail"]
    assert "Traceback" not in response.text
    return response.status_code, content["code"]


def blocks(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]
