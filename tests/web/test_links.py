"""Pages about linked accounts: the way to the other platform and back, consent in between, and the end of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from tanpuhui.access.hold import account_of
from tanpuhui.access.models import AuditEntry, User
from tanpuhui.copies.record import record
from tanpuhui.federation.link import challenge_of, redeem
from tanpuhui.federation.models import Draft, Link, LinkCode, Peer
from tanpuhui.federation.peer import PeerOrder, add_peer, enable
from tanpuhui.kit.moment import utc_now
from web.site import client_of, make_site

pytestmark = [pytest.mark.django_db]
VERIFIER = "v" * 43
ASKED = {
    "response_type": "code",
    "client_id": "shanghai",
    "state": "s" * 32,
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}


@pytest.fixture()
def resident(db: None) -> User:
    user = make_site()["resident"]
    assert user is not None
    return user


@pytest.fixture()
def browser(resident: User) -> Client:
    return client_of(resident)


def peer_of(role: str) -> Peer:
    code, zh, en = (
        ("pudong", "浦东新区", "Pudong") if role == Peer.DISTRICT else ("shanghai", "上海市", "Shanghai")
    )
    order = PeerOrder(code, role, f"https://{code}.example", "Agreement 2026-7", zh, en)
    peer = add_peer(order, at=utc_now())
    enable(code, reason="Agreement 2026-7", at=utc_now())
    return peer


def way(answer: Any) -> str:
    """Where the page's one way out of this platform leads."""
    (found,) = re.findall(r'href="(https://[a-z]+\.example/[^"]*)"', answer.content.decode())
    return str(found).replace("&amp;", "&")


def test_the_city_sends_to_the_district_with_a_challenge_and_takes_nobody_elses_state(
    browser: Client, resident: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = peer_of(Peer.DISTRICT)
    finished: list[dict[str, Any]] = []

    def finish(account: int, **given: Any) -> Link:
        finished.append({"account": account, **given})
        return Link.objects.create(peer=peer, account=account, pseudonym="p" * 43, at=utc_now())

    monkeypatch.setattr("tanpuhui.web.resident.federation_links.finish", finish)
    assert "关联我在浦东新区的账户" in browser.get("/resident/link/").content.decode()

    address = way(browser.post("/resident/link/pudong/begin/"))
    asked = parse_qs(urlsplit(address).query)
    assert address.startswith("https://pudong.example/resident/link/authorize/?")
    assert asked["code_challenge_method"] == ["S256"]
    assert browser.get("/resident/link/return/", {"state": "x" * 32, "code": "c"}).status_code == 422
    browser.post("/resident/link/pudong/begin/")
    (state,) = parse_qs(urlsplit(way(browser.post("/resident/link/pudong/begin/"))).query)["state"]
    answer = browser.get("/resident/link/return/", {"state": state, "code": "c"})

    assert answer.status_code == 302
    assert [(one["account"], one["code"]) for one in finished] == [(account_of(resident), "c")]
    assert browser.get("/resident/link/return/", {"state": state, "code": "c"}).status_code == 422
    assert "已关联" in browser.get("/resident/link/").content.decode()


@pytest.mark.parametrize(("language", "says"), [("zh-hans", "我同意"), ("en", "I agree")])
def test_the_district_asks_and_a_code_goes_back_to_the_registered_address_alone(
    browser: Client, resident: User, language: str, says: str
) -> None:
    peer = peer_of(Peer.CITY)
    browser.cookies["tanpuhui_language"] = language

    page = browser.get("/resident/link/authorize/", ASKED)
    assert says in page.content.decode()
    answer = browser.post(f"{page.request['PATH_INFO']}?{page.request['QUERY_STRING']}", {"agree": "1"})

    back = parse_qs(urlsplit(way(answer)).query)
    assert way(answer).startswith("https://shanghai.example/resident/link/return/?")
    assert back["state"] == [ASKED["state"]]
    assert LinkCode.objects.get().notice["text"], "the words are kept as they were shown"
    asked = {"grant_type": "authorization_code", "code": back["code"][0], "code_verifier": VERIFIER}
    given = redeem(peer, asked, at=utc_now())
    assert isinstance(given, dict)
    assert Link.objects.get().account == account_of(resident)


def test_who_does_not_agree_goes_back_without_a_code(browser: Client) -> None:
    peer_of(Peer.CITY)

    page = browser.get("/resident/link/authorize/", ASKED)
    answer = browser.post(f"{page.request['PATH_INFO']}?{page.request['QUERY_STRING']}", {"decline": "1"})

    assert parse_qs(urlsplit(way(answer)).query)["error"] == ["access_denied"]
    assert not LinkCode.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda asked: asked | {"redirect_uri": "https://evil.example/"},
        lambda asked: asked | {"code_challenge_method": "plain"},
        lambda asked: asked | {"client_id": "nobody"},
    ],
)
def test_a_wrong_request_sends_nobody_anywhere(
    browser: Client, change: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    peer_of(Peer.CITY)

    answer = browser.get("/resident/link/authorize/", change(dict(ASKED)))

    assert answer.status_code in (404, 422)
    assert not re.search(r"(href|action)=.https://", answer.content.decode())


def test_a_link_is_ended_on_the_page_and_the_other_side_is_told(browser: Client, resident: User) -> None:
    account = account_of(resident)
    assert account is not None
    link = Link.objects.create(peer=peer_of(Peer.CITY), account=account, pseudonym="p" * 43, at=utc_now())

    answer = browser.post(f"/resident/link/{link.pk}/end/", follow=True)

    assert "关联已解除" in answer.content.decode()
    assert Draft.objects.get(kind="link_ended").body == {"pseudonym": "p" * 43}
    assert AuditEntry.objects.filter(verb="end_link").exists()


def test_links_are_in_the_record_and_end_with_the_account(browser: Client, resident: User) -> None:
    account = account_of(resident)
    assert account is not None
    Link.objects.create(peer=peer_of(Peer.CITY), account=account, pseudonym="p" * 43, at=utc_now())

    (link,) = record(account, at=utc_now())["more"]["links"]
    assert (link["platform"], link["pseudonym"], link["ended_at"]) == ("shanghai", "p" * 43, None)
    assert browser.post("/resident/privacy/close/", {"number": str(account)}).status_code == 302

    (link,) = record(account, at=utc_now())["more"]["links"]
    assert link["ended_at"] is not None
