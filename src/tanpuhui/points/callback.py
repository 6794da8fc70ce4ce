"""Callback: tell banks over HTTPS that a consent ended, signed, again until they have taken it.

A message has one number for good: a bank that got it twice does nothing the second time. It is kept until it is taken,
and what was answered meanwhile is kept beside it. An address is looked up once for each attempt, and only what was
looked up is connected to, so that a name cannot lead to machines of our own network after it was judged.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from tanpuhui.access.models import Organisation
from tanpuhui.client import profile
from tanpuhui.client.key import SigningKey
from tanpuhui.client.sign import Outgoing, sign
from tanpuhui.kit.home import secret_key
from tanpuhui.points.models import Attempt, Callback, Delivery, Outbox
from tanpuhui.points.refusals import BadCallback
from tanpuhui.points.sponsor import get_organisation

TAG = "tanpuhui-callback"
TYPE = "consent.ended"
TIMEOUT_S = 10.0
#: The wait after the first attempt doubles with each one, up to the last.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=6)
MOST_URL_CHARACTERS = 2_000
#: Of messages in one round; the rest comes in the next.
AT_ONCE = 200

Resolve = Callable[[str, int], list[str]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_HERE: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))


@dataclass(frozen=True)
class Reach:
    """What may be connected to. Outside a demonstration: HTTPS alone, and no address of a network of our own."""

    plain_http: bool = False
    #: Networks that are not public and may be reached all the same, where the operator says so.
    private: tuple[Network, ...] = ()

    @classmethod
    def of_installation(cls) -> Reach:
        """What this installation's settings allow; a demonstration sends to this machine too, and without TLS."""
        networks = tuple(ipaddress.ip_network(one) for one in settings.CALLBACK_NETWORKS)
        return cls(settings.DEMO, (*networks, *_HERE) if settings.DEMO else networks)

    def allows(self, address: str) -> bool:
        """Whether an address may be connected to. One that only wraps another is judged by what it wraps."""
        found = ipaddress.ip_address(address)
        if isinstance(found, ipaddress.IPv6Address):
            wrapped = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else None
            found = found.ipv4_mapped or found.sixtofour or wrapped or found
        if any(found.version == one.version and found in one for one in self.private):
            return True
        return found.is_global and not found.is_multicast


class _Unsent(Exception):
    """Nothing was sent, or nothing came back; says why."""


def key() -> SigningKey:
    """The key with which the platform signs what it sends to banks, made on first use."""
    return SigningKey("platform", Ed25519PrivateKey.from_private_bytes(secret_key("bank-callbacks")))


def set_callback(organisation: str, url: str | None, *, reach: Reach, at: datetime) -> Callback:
    """Say where a bank takes its messages, or ``None`` to send it none. A repeat changes nothing."""
    bank = get_organisation(organisation)
    if url is not None:
        _refuse_bad(url, reach)
    last = Callback.objects.filter(organisation=bank).order_by("-id").first()
    if last is not None and last.url == (url or ""):
        return last
    return Callback.objects.create(organisation=bank, url=url or "", at=at)


def callback_of(organisation_id: int) -> str | None:
    """Where a bank takes its messages now."""
    last = Callback.objects.filter(organisation_id=organisation_id).order_by("-id").first()
    return (last.url or None) if last else None


def deliver(*, at: datetime, reach: Reach, resolve: Resolve | None = None) -> int:
    """Send what is due to every bank that has an address; answers how many messages were taken.

    Opens its own transactions: none is open while a bank is waited for. A kill between a bank's answer and our row
    sends the message again, under the same number.
    """
    taken = 0
    for message, url in due(at):
        try:
            status = _send(message, url, reach, resolve or _resolve, at)
            why_not = "" if 200 <= status < 300 else "it answered with another status than 2xx"
        except _Unsent as error:
            status, why_not = None, str(error)[:200]
        with transaction.atomic():
            if why_not:
                Attempt.objects.create(message=message, url=url, status=status, why_not=why_not, at=at)
            else:
                taken += Delivery.objects.get_or_create(message=message, defaults={"at": at})[1]
    return taken


def due(at: datetime) -> Iterator[tuple[Outbox, str]]:
    """Messages that are to be sent now, oldest first, with their addresses."""
    waiting = Outbox.objects.filter(delivery__isnull=True).prefetch_related("attempts").order_by("id")
    urls: dict[int, str | None] = {}
    count = 0
    for message in waiting.iterator(chunk_size=1_000):
        if message.organisation_id not in urls:
            urls[message.organisation_id] = callback_of(message.organisation_id)
        url = urls[message.organisation_id]
        if url is None or count == AT_ONCE:
            continue
        tried = sorted(attempt.at for attempt in message.attempts.all())
        if not tried or tried[-1] + wait_after(len(tried)) <= at:
            count += 1
            yield message, url


def wait_after(attempts: int) -> timedelta:
    """How long is waited after so many attempts (1 or more)."""
    doubled: int = 2 ** min(attempts - 1, 20)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)


def status_of(organisation_id: int | None = None) -> list[dict[str, Any]]:
    """Every message, or a bank's, oldest first: whether it was taken, how often it was tried, the last answer."""
    found = Outbox.objects.select_related("delivery").prefetch_related("attempts").order_by("id")
    if organisation_id is not None:
        found = found.filter(organisation_id=organisation_id)
    codes = dict(Organisation.objects.values_list("pk", "code"))
    return [_status(one, codes[one.organisation_id]) for one in found]


def _status(message: Outbox, bank: str) -> dict[str, Any]:
    attempts = sorted(message.attempts.all(), key=lambda one: one.pk)
    delivery = getattr(message, "delivery", None)
    last = attempts[-1] if attempts else None
    next_at = last.at + wait_after(len(attempts)) if last and delivery is None else None
    return {
        "message": message.pk,
        "bank": bank,
        "redemption": message.redemption_id,
        "state": message.state,
        "at": message.at.isoformat(),
        "taken_at": delivery.at.isoformat() if delivery else None,
        "attempts": len(attempts),
        "last_status": last.status if last else None,
        "last_why_not": last.why_not if last else None,
        "next_at": next_at.isoformat() if next_at else None,
    }


def _refuse_bad(url: str, reach: Reach) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadCallback(url=url[:200], why="it is not an address") from None
    schemes = ("https", "http") if reach.plain_http else ("https",)
    if len(url) > MOST_URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        raise BadCallback(url=url[:200], why="it is too long, or has characters that an address has not")
    if parts.scheme not in schemes or not parts.hostname:
        raise BadCallback(url=url, why="it does not begin with https:// and a name")
    if "@" in parts.netloc or parts.fragment or port == 0:
        raise BadCallback(url=url, why="it has more in it than a name, a port, a path and a query")
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return
    if not reach.allows(str(address)):
        raise BadCallback(url=url, why="that is a machine of a private network")


def _send(message: Outbox, url: str, reach: Reach, resolve: Resolve, at: datetime) -> int:
    """The status that was answered. The connection goes to the address that was judged, under the bank's own name."""
    try:
        _refuse_bad(url, reach)
    except BadCallback as refusal:
        raise _Unsent(str(refusal.facts["why"])) from refusal
    parts = urlsplit(url)
    assert parts.hostname is not None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = resolve(parts.hostname, port)
    except OSError as error:
        raise _Unsent("its name is not known") from error
    if not addresses or not all(reach.allows(one) for one in addresses):
        raise _Unsent("its name leads to a machine of a private network")
    content = _content(message)
    headers = {
        "Content-Type": "application/json",
        "Content-Digest": profile.content_digest(hashlib.sha256(content).digest()),
        "Idempotency-Key": f"outbox-{message.pk}",
        "User-Agent": "tanpuhui",
    }
    outgoing = Outgoing("POST", url, headers)
    sign(outgoing, key(), at=at, tag=TAG)
    literal = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    target = httpx.URL(url).copy_with(host=literal, port=port)
    headers["Host"] = parts.netloc
    named = {"sni_hostname": parts.hostname}
    try:
        with (
            httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as http,
            http.stream("POST", target, headers=headers, content=content, extensions=named) as answer,
        ):
            return answer.status_code
    except httpx.HTTPError as error:
        raise _Unsent(f"there was no answer ({type(error).__name__})") from error


def _content(message: Outbox) -> bytes:
    body = {
        "id": message.pk,
        "type": TYPE,
        "redemption": message.redemption_id,
        "state": message.state,
        "at": message.at.isoformat(),
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))
