"""Link: a resident's account in a city and the one in a district, joined with their consent, and parted by either.

As OAuth 2.1 does it: the city sends the browser with a state and a challenge (PKCE, S256), the district asks its
resident and sends it back with a code that is good once, and the city exchanges the code over the signed channel. Both
keep one pseudonym that nobody else has: neither learns the other's number of the account.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tanpuhui.consent.age import AGE, day_of
from tanpuhui.consent.show import guardian_of
from tanpuhui.federation.ask_peer import ask
from tanpuhui.federation.key import us
from tanpuhui.federation.models import CodeUse, Link, LinkCode, LinkEnd, LinkRequest, Peer
from tanpuhui.federation.outbox import say
from tanpuhui.federation.peer import get_peer, lock_peer
from tanpuhui.federation.refusals import BadLink, ChildLinks, LinkCodeSpent, LinkedAlready, UnknownLink
from tanpuhui.federation.transport import Transport
from tanpuhui.kit.digest import canonical_json, digest_bytes
from tanpuhui.kit.refusal import Refusal

#: Where the two pages are on every installation.
AUTHORIZE, CALLBACK = "/resident/link/authorize/", "/resident/link/return/"
CODE_FOR, REQUEST_FOR = timedelta(minutes=2), timedelta(minutes=15)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")
_STATE = re.compile(r"[A-Za-z0-9_-]{22,128}\Z")


@dataclass(frozen=True)
class Wish:
    """What a city asks a district's resident for, every part of it looked at."""

    peer: Peer
    redirect_uri: str
    state: str
    challenge: str


# -- in the city ----------------------------------------------------------------------------------------------------


def begin(peer_code: str, account: int, *, at: datetime) -> tuple[str, str]:
    """Where to send the browser, and the state that it must bring back: keep that in the session."""
    peer = get_peer(peer_code, role=Peer.DISTRICT, enabled=True)
    _refuse_child(account, at)
    _refuse_linked(peer, account)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    LinkRequest.objects.create(
        peer=peer, account=account, state_digest=digest_bytes(state.encode()), verifier=verifier, at=at
    )
    asked = {
        "response_type": "code",
        "client_id": us(),
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    return f"{peer.address}{AUTHORIZE}?{urlencode(asked)}", state


def finish(account: int, *, state: str, code: str, transport: Transport, at: datetime) -> Link:
    """Exchange the code that the browser brought. Nothing is written where the district refuses.

    The caller has compared the state with the one in the session; here it must be of this account, and not too old.
    """
    request = LinkRequest.objects.filter(state_digest=digest_bytes(state.encode()), account=account).first()
    if request is None or at > request.at + REQUEST_FOR:
        raise BadLink(field="state")
    content = canonical_json(
        {"code": code, "code_verifier": request.verifier, "grant_type": "authorization_code"}
    )
    said = ask(request.peer, transport, "POST", "token", content=content, at=at)
    pseudonym = said.get("pseudonym")
    if not isinstance(pseudonym, str) or not _CHALLENGE.match(pseudonym):
        raise BadLink(field="pseudonym")
    _refuse_linked(request.peer, account)
    return Link.objects.create(peer=request.peer, account=account, pseudonym=pseudonym, at=at)


# -- in the district -------------------------------------------------------------------------------------------------


def wish_of(asked: dict[str, str]) -> Wish:
    """What a city's redirect asks for; refuses before anybody is sent anywhere."""
    if asked.get("response_type") != "code":
        raise BadLink(field="response_type")
    peer = get_peer(asked.get("client_id", "")[:40], role=Peer.CITY, enabled=True)
    expected = peer.address + CALLBACK
    if asked.get("redirect_uri", expected) != expected:
        raise BadLink(field="redirect_uri")
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.match(asked.get("code_challenge", "")):
        raise BadLink(field="code_challenge")
    if not _STATE.match(asked.get("state", "")):
        raise BadLink(field="state")
    return Wish(peer, expected, asked["state"], asked["code_challenge"])


def agree(wish: Wish, account: int, *, notice: dict[str, str], at: datetime) -> str:
    """The resident agrees: where to send the browser back to, with a code. The notice is kept as it was shown."""
    _refuse_child(account, at)
    _refuse_linked(wish.peer, account)
    code = secrets.token_urlsafe(32)
    LinkCode.objects.create(
        peer=wish.peer,
        account=account,
        code_digest=digest_bytes(code.encode()),
        challenge=wish.challenge,
        redirect_uri=wish.redirect_uri,
        notice=notice,
        expires_at=at + CODE_FOR,
        at=at,
    )
    return f"{wish.redirect_uri}?{urlencode({'code': code, 'state': wish.state})}"


def decline(wish: Wish) -> str:
    """The resident does not agree: where to send the browser back to."""
    return f"{wish.redirect_uri}?{urlencode({'error': 'access_denied', 'state': wish.state})}"


def redeem(peer: Peer, asked: dict[str, Any], *, at: datetime) -> dict[str, Any] | Refusal:
    """Give the pair's pseudonym for a code, once, in the caller's transaction, which must commit.

    A refusal is answered and not raised: a code that is presented twice ends what it made, and that must be kept.
    """
    lock_peer(peer)
    given, verifier = asked.get("code"), asked.get("code_verifier")
    if asked.get("grant_type") != "authorization_code" or not isinstance(given, str):
        return BadLink(field="grant_type")
    if not _CHALLENGE.match(given):
        return LinkCodeSpent()
    code = LinkCode.objects.filter(peer=peer, code_digest=digest_bytes(given.encode())).first()
    if code is None:
        return LinkCodeSpent()
    _, is_first = CodeUse.objects.get_or_create(code=code, defaults={"at": at})
    if not is_first:
        _end_what_it_made(code, at)
        return LinkCodeSpent()
    if at > code.expires_at:
        return LinkCodeSpent()
    right = isinstance(verifier, str) and _VERIFIER.match(verifier)
    if not right or not hmac.compare_digest(challenge_of(str(verifier)), code.challenge):
        return BadLink(field="code_verifier")
    if _standing(peer, code.account) is not None:
        return LinkedAlready(peer=peer.code)
    link = Link.objects.create(peer=peer, account=code.account, pseudonym=secrets.token_urlsafe(32), at=at)
    return {"pseudonym": link.pseudonym}


# -- on both sides ---------------------------------------------------------------------------------------------------


def revoke(account: int, link_id: int, *, at: datetime) -> Link:
    """End a link of one's own, in the caller's transaction, and say so to the other side. Again changes nothing."""
    link = Link.objects.select_related("peer").filter(pk=link_id, account=account).first()
    if link is None:
        raise UnknownLink()
    end(link, at=at)
    return link


def end(link: Link, *, at: datetime) -> None:
    _, is_new = LinkEnd.objects.get_or_create(link=link, defaults={"by_peer": False, "at": at})
    if is_new:
        say(
            link.peer,
            "link_ended",
            digest_bytes(link.pseudonym.encode()),
            {"pseudonym": link.pseudonym},
            at=at,
        )


def end_all(account: int, *, at: datetime) -> int:
    """End every link of an account: before it is closed."""
    standing = Link.objects.select_related("peer").filter(account=account, end__isnull=True)
    found = list(standing)
    for link in found:
        end(link, at=at)
    return len(found)


def links_of(account: int) -> list[Link]:
    """Every link of an account, the newest first, with when and by whom it ended."""
    return list(Link.objects.select_related("peer", "end").filter(account=account).order_by("-id"))


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, its appendix B).

    >>> challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    """
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _end_what_it_made(code: LinkCode, at: datetime) -> None:
    """A code that comes twice was stolen, or repeated by mistake: in doubt the link ends (RFC 6749, 4.1.2)."""
    for link in Link.objects.select_related("peer").filter(
        peer=code.peer, account=code.account, at__gte=code.at, end__isnull=True
    ):
        end(link, at=at)


def _standing(peer: Peer, account: int) -> Link | None:
    return Link.objects.filter(peer=peer, account=account, end__isnull=True).first()


def _refuse_child(account: int, at: datetime) -> None:
    if guardian_of(account, on=day_of(at)) is not None:
        raise ChildLinks(age=AGE)


def _refuse_linked(peer: Peer, account: int) -> None:
    if _standing(peer, account) is not None:
        raise LinkedAlready(peer=peer.code)
