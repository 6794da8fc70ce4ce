"""Requests that no browser of ours sends: forged, malformed, too long, for another host, leading elsewhere."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from security.others import Site
from security.routes import NAMES, address_of
from security.watch import kept
from web.site import BACKEND, ROLES, client_of

pytestmark = pytest.mark.django_db
#: Routes where a form may come without a token, and what stands for it.
WITHOUT_TOKEN = {"choose_language": "changes nothing but the language, and looks where the request is from"}
#: Looking is written down where it is at somebody else's account; and pages say what is new since the last visit.
NOTED = frozenset({"access_audit_entry", "web_visit"})
FORM = "application/x-www-form-urlencoded"
FIELDS = (
    "login",
    "email",
    "code",
    "name",
    "credential",
    "birth_on",
    "guardian_code",
    "language",
    "next",
    "end",
    "action",
)
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}
#: What pages answer instead of breaking.
TOLD = (200, 302, 400, 401, 403, 404, 405, 409, 414, 422, 429, 431)


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    settings.FORMS_A_MINUTE = {"user": 10_000, "address": 10_000}
    settings.ACCOUNT_RATE_LIMITS = dict.fromkeys(settings.ACCOUNT_RATE_LIMITS, "10000/m/ip")
    settings.MFA_RATE_LIMITS = {"webauthn_login": "10000/m/ip"}


def addresses(site: Site, role: str) -> list[str]:
    """Every address as one role would ask for it."""
    del site
    return [address_of(name, role) for name in NAMES]


@pytest.mark.parametrize("role", ["anonymous", "resident", "operator", "bank"])
def test_a_form_of_another_site_does_nothing(role: str, site: Site) -> None:
    """Every route, with the cookies of somebody and without the token of their page."""
    user = site.people[role]
    client = Client(enforce_csrf_checks=True)
    if user is not None:
        client.force_login(user, backend=BACKEND)
    before = kept()
    for name, address in zip(NAMES, addresses(site, role), strict=True):
        answer = client.post(
            address,
            {"language": "en", "code": "x", "login": "a@example.org"},
            HTTP_ORIGIN="https://evil.example",
            HTTP_SEC_FETCH_SITE="cross-site",
        )

        if name not in WITHOUT_TOKEN:
            assert answer.status_code in (403, 405), name
    assert kept() == before


def test_looking_changes_nothing(site: Site) -> None:
    """GET of every route by everybody, HEAD and OPTIONS by who may see most: not a row is other than before, and nobody
    is signed out."""
    for role in ("anonymous", "resident", "operator", "bank"):
        client = client_of(site.people[role])
        asked = addresses(site, role)
        before = kept(besides=NOTED)
        for method in ("get", "head", "options") if role == "operator" else ("get",):
            for address in asked:
                assert getattr(client, method)(address).status_code in TOLD, address

        assert kept(besides=NOTED) == before
        assert ("_auth_user_id" in client.session) == (role != "anonymous")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW"])
def test_pages_have_no_other_methods(method: str, site: Site) -> None:
    client = client_of(None)
    for name, address in zip(NAMES, addresses(site, "resident"), strict=True):
        answer = client.generic(method, address)

        assert answer.status_code == 405, name
        assert "GET" in answer.headers["Allow"]


BAD_BODIES = {
    "bytes that are no text": b"%s=%%ff%%fe",
    "raw bytes that are no text": b"%s=\xff\xfe",
    "a zero byte": b"%s=a%%00b",
    "half a character": b"%s=%%e7%%a2",
    "an overlong character": b"%s=%%c0%%af",
    "a surrogate": b"%s=%%ed%%a0%%80",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_form_that_is_no_text_is_refused_everywhere(body: bytes, site: Site) -> None:
    client = client_of(site.of("resident"))
    for name, address in zip(NAMES, addresses(site, "resident"), strict=True):
        answer = client.post(
            address, body.replace(b"%s", b"code").replace(b"%%", b"%"), content_type=FORM, **ENGLISH
        )

        assert answer.status_code == 400, name
        assert "This request could not be read" in answer.content.decode()


@pytest.mark.parametrize("query", ["next=%ff", "a=%00", "%00=a", "code=%ed%a0%80", "x=%c0%ae%c0%ae/"])
def test_a_query_that_is_no_text_is_refused(query: str, site: Site) -> None:
    client = client_of(None)
    for name, address in zip(NAMES, addresses(site, "resident"), strict=True):
        assert client.get(f"{address}?{query}").status_code == 400, name


@pytest.mark.parametrize(
    "path",
    [
        "/%00",
        "/resident/%00",
        "/bank/own-bank%00/",
        "/%ff",
        "/sign-in/%c0%af",
        "/%ed%a0%80",
        "/..%2f..%2fetc/passwd",
    ],
)
def test_a_path_that_is_no_text_or_leads_away_is_nothing(path: str, site: Site) -> None:
    assert client_of(site.of("bank")).get(path).status_code in (400, 404)


def test_forms_with_files_hold_no_zero_bytes_either(site: Site) -> None:
    answer = client_of(site.of("resident")).post("/sign-in/settings/browsers/", {"end": "a\x00b"})

    assert answer.status_code == 400


VALUES = {
    "long": "x" * 100_000,
    "long and beyond the first plane": "😀" * 20_000,
    "markup, SQL, templates and formats": "<script>alert(1)</script>' OR 1=1 --{{ 7*7 }}${7*7}%s%n%(x)s{0.__class__}",
    "a header": "\r\nSet-Cookie: a=b",
}


#: Markup by everybody; what is only long or a header's, by one each.
MARKUP = "markup, SQL, templates and formats"
BY = [
    *((MARKUP, role) for role in ("anonymous", "resident", "provider", "operator")),
    ("long", "resident"),
    ("long and beyond the first plane", "anonymous"),
    ("a header", "operator"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "role"), [(VALUES[name], role) for name, role in BY], ids=map("-".join, BY)
)
def test_no_value_breaks_a_form_or_comes_back_as_markup(value: str, role: str, site: Site) -> None:
    sent, client = dict.fromkeys(FIELDS, value), client_of(site.people[role])
    for name, address in zip(NAMES, addresses(site, role), strict=True):
        answer = client.post(address, sent, **ENGLISH)

        assert answer.status_code in TOLD, name
        assert "Set-Cookie" not in answer.headers.get("Location", "")
        if answer.status_code != 302:
            text = answer.content.decode(errors="replace")
            assert "<script>alert" not in text, name
            assert "49" not in re.findall(r'value="([^"]*)"', text), name


def test_more_than_a_form_holds_is_refused(site: Site) -> None:
    client = client_of(None)

    large = client.post("/sign-in/", {"login": "x" * 1_100_000}, **ENGLISH)
    many = client.post("/sign-in/", {f"f{n}": "1" for n in range(600)}, **ENGLISH)

    assert (large.status_code, many.status_code) == (400, 400)


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("/" + "x" * 2_100, {}, 414),
        ("/?q=" + "x" * 4_100, {}, 414),
        ("/", {"HTTP_X_LONG": "x" * 8_100}, 431),
        ("/", {f"HTTP_X_{n}": "x" * 2_000 for n in range(20)}, 431),
        ("/", {"HTTP_ACCEPT_LANGUAGE": "en," * 3_000}, 431),
    ],
)
def test_what_is_too_long_is_refused(address: str, headers: dict[str, str], status: int, site: Site) -> None:
    assert client_of(None).get(address, **headers).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ACCEPT_LANGUAGE": "\xff\xfe;q=x,,,*;q=9"},
        {"HTTP_COOKIE": "tanpuhui_session=\xff; tanpuhui_language=../../etc"},
        {"HTTP_COOKIE": "tanpuhui_session=" + "a" * 3_000},
        {"HTTP_USER_AGENT": "\x00\xff"},
        {"HTTP_X_FORWARDED_FOR": "not an address"},
        {"HTTP_IF_MODIFIED_SINCE": "yesterday"},
        {"HTTP_REFERER": "http://[bad"},
        {"CONTENT_TYPE": "multipart/form-data"},
    ],
)
def test_strange_headers_break_nothing(headers: dict[str, str], site: Site) -> None:
    assert client_of(None).get("/sign-in/", **headers).status_code in TOLD
    assert (
        client_of(None)
        .post("/sign-in/", b"--x", **{"content_type": "multipart/form-data; boundary=y", **headers})
        .status_code
        in TOLD
    )


@pytest.mark.parametrize(
    "host",
    ["evil.example", "testserver.evil.example", "testserver:80@evil.example", "", "evil.example:testserver"],
)
def test_another_host_is_refused_and_named_nowhere(host: str, site: Site, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    for address in ("/", "/sign-in/", "/healthz", "/nothing"):
        answer = client_of(None).get(address, HTTP_HOST=host)

        assert answer.status_code == 400
        assert "evil" not in answer.content.decode()


def test_a_host_that_is_forwarded_is_not_believed(site: Site, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "evil.example"]

    answer = client_of(None).post(
        "/sign-in/new/", {"email": "host@example.org"}, HTTP_X_FORWARDED_HOST="evil.example"
    )

    from django.core import mail

    assert "evil" not in answer.headers["Location"]
    assert "evil" not in str(mail.outbox[-1].message())


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "http:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    " https://evil.example",
    "/%09/evil.example",
    "\thttps://evil.example",
]


def assert_stays(answer: Any, name: str) -> None:
    """Neither the answer nor a link or form in it leads where somebody else wanted."""
    location = answer.headers.get("Location", "/")
    assert re.match(r"/(?![/\\])", location), (name, location)
    if answer.status_code == 200 and "text/html" in answer.headers["Content-Type"]:
        targets = re.findall(r'(?:href|action)="([^"]*)"', answer.content.decode())
        assert not [
            one for one in targets if re.match(r"\s*(//|\\|javascript:|data:text|https?:.*evil)", one)
        ], name


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_next_leads_nowhere_else(elsewhere: str, site: Site) -> None:
    """Signing in and whatever else is of no audience, by query and form: for somebody who is in and one who is not, in
    turn, and the first for both."""
    number = ELSEWHERE.index(elsewhere)
    for role in ("anonymous", "resident") if number == 0 else (("anonymous", "resident")[number % 2],):
        client = client_of(site.people[role])
        for name in (one for one in NAMES if ":" not in one and one != "account_logout"):
            address = address_of(name, role)
            assert_stays(client.get(address, {"next": elsewhere}), name)
            assert_stays(client.post(f"{address}?process=login", {"next": elsewhere, "language": "en"}), name)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["resident", "operator"])
def test_next_leads_nowhere_else_from_any_page(role: str, site: Site) -> None:
    client, sent = client_of(site.people[role]), {"next": "https://evil.example/"}
    for name in NAMES:
        address = address_of(name, role)
        assert_stays(client.get(address, sent), name)
        assert_stays(client.post(address, {**sent, "language": "en"}), name)
        if name == "account_logout":
            client = client_of(site.people[role])


def test_signing_in_goes_on_to_a_place_of_ours(site: Site) -> None:
    from django.core import mail

    client = client_of(None)
    client.post("/sign-in/?next=/bank/", {"login": "resident@example.org", "next": "https://evil.example/"})
    found = re.search(r"^([A-Z0-9]{3,}(?:-[A-Z0-9]+)*)$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found

    answer = client.post("/sign-in/code/confirm/", {"code": found[1], "next": "https://evil.example/"})

    assert answer.headers["Location"] == "/home/"


CREDENTIALS: list[Any] = [
    "x",
    "null",
    "[]",
    "1",
    '"x"',
    "{}",
    '{"id": 1}',
    '{"id": "a", "rawId": "a", "type": "public-key", "response": {}}',
    '{"id": "a", "rawId": "a", "type": "public-key", "response": null}',
    '{"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"userHandle": null}}',
    json.dumps({"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"userHandle": "////"}}),
    json.dumps(
        {
            "id": "YQ",
            "rawId": "YQ",
            "type": "public-key",
            "response": {
                "clientDataJSON": "e30",
                "attestationObject": "oA",
                "authenticatorData": "YQ",
                "signature": "YQ",
                "userHandle": "YQ",
            },
        }
    ),
    "[" * 5_000,
    '{"a":' * 2_000,
]


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_what_is_no_passkey_is_refused(credential: str, site: Site) -> None:
    for address in (
        "/sign-in/passkey/",
        "/sign-in/settings/passkeys/add/",
        "/sign-in/second/",
        "/sign-in/new/passkey/add/",
    ):
        for role in ("anonymous", "resident"):
            client = client_of(site.people[role])
            client.get(
                "/sign-in/passkey/", HTTP_X_REQUESTED_WITH="XMLHttpRequest", HTTP_ACCEPT="application/json"
            )
            client.get(address)

            answer = client.post(address, {"credential": credential, "name": "x"}, **ENGLISH)

            assert answer.status_code in TOLD
            assert "Traceback" not in answer.content.decode()


def test_a_parameter_counts_once_and_where_it_belongs(site: Site) -> None:
    """A field of a form is not taken from the address, and of two the last one counts everywhere."""
    from django.core import mail

    client_of(None).post("/sign-in/?login=bank@example.org", {"login": "resident@example.org"})
    client_of(None).post(
        "/sign-in/", "login=bank%40example.org&login=newcomer%40example.org", content_type=FORM
    )
    nothing = client_of(None).post("/sign-in/?login=bank@example.org", {})

    assert [message.to for message in mail.outbox] == [["resident@example.org"], ["newcomer@example.org"]]
    assert nothing.status_code == 200


def test_nothing_but_the_fields_of_a_form_is_taken(site: Site) -> None:
    """Whoever adds fields for what they may not set sets nothing."""
    more = {
        "is_staff": "on",
        "is_active": "",
        "user": "1",
        "account": "1",
        "pk": "1",
        "id": "1",
        "password": "x",
        "joined_at": "2001-01-01",
    }
    client = client_of(None)
    client.post("/sign-in/new/", {"email": "more@example.org", **more})
    from tanpuhui.access.models import User

    found = User.objects.get(email="more@example.org")

    assert (found.is_staff, found.is_active, found.has_usable_password()) == (False, True, False)
    assert found.joined_at.year > 2001
    assert ROLES
