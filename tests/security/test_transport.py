"""Transport: in production everything is encrypted, cookies belong to this host alone, and browsers are told so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from project.test_environment import FIT
from web.site import client_of, make_site
from web.test_sign_in import code_in_mail

pytestmark = pytest.mark.django_db
YEAR_S = 365 * 24 * 3600
#: What production's settings make of a request, in a process of its own and without a database.
PROGRAM = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "tanpuhui.project.settings"
import django
django.setup()
from tanpuhui.project.pages import prepare
prepare()
from django.conf import settings
from django.test import Client
found = {"cookies": {}, "hsts": [], "redirects": {}}
for address, method, sent in (
    ("/sign-in/code/", "get", {}), ("/language/", "post", {"language": "en"}), ("/nothing", "get", {}),
    ("/api/nothing", "get", {}), ("/static/nothing", "get", {}), ("/?a=%00", "get", {}),
):
    client = Client(raise_request_exception=False, headers={"host": "carbon.example.org"})
    secure = getattr(client, method)(address, sent, secure=True)
    found["hsts"].append((address, secure.headers.get("Strict-Transport-Security")))
    found["cookies"].update({name: dict(one) for name, one in secure.cookies.items()})
    plain = getattr(client, method)(address, sent, secure=False)
    found["redirects"][address] = (plain.status_code, plain.headers.get("Location"), plain.headers["Content-Type"])
found["session"] = {name: getattr(settings, "SESSION_COOKIE_" + name) for name in (
    "NAME", "SECURE", "HTTPONLY", "SAMESITE", "DOMAIN", "PATH")}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("production")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={
            "PATH": "/usr/bin:/bin",
            "TANPUHUI_HOME": str(home),
            "TANPUHUI_DATABASE_URL": "postgresql:///none",
            **FIT,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.slow
def test_cookies_of_production_belong_to_this_host_alone(production: Any) -> None:
    assert set(production["cookies"]) == {"__Host-csrf", "__Host-language"}
    for name, cookie in production["cookies"].items():
        assert cookie["secure"] is True, name
        assert cookie["httponly"] is True, name
        assert cookie["samesite"] == "Lax", name
        assert (cookie["path"], cookie["domain"]) == ("/", ""), name
    assert production["session"] == {
        "NAME": "__Host-session",
        "SECURE": True,
        "HTTPONLY": True,
        "SAMESITE": "Lax",
        "DOMAIN": None,
        "PATH": "/",
    }


@pytest.mark.slow
def test_browsers_are_told_to_stay_with_encryption_for_two_years(production: Any) -> None:
    for address, header in production["hsts"]:
        assert header == f"max-age={2 * YEAR_S}; includeSubDomains; preload", address


@pytest.mark.slow
def test_pages_lead_to_https_and_the_interface_refuses(production: Any) -> None:
    redirects = production["redirects"]

    assert redirects["/sign-in/code/"][:2] == [301, "https://carbon.example.org/sign-in/code/"]
    assert redirects["/api/nothing"] == [403, None, "application/problem+json"]


def test_the_cookie_of_a_session_has_its_flags(settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = True
    settings.SESSION_COOKIE_NAME = "__Host-session"
    make_site()
    client = Client()
    client.post("/sign-in/", {"login": "resident@example.org"}, secure=True)
    answer = client.post("/sign-in/code/confirm/", {"code": code_in_mail()}, secure=True)

    cookie = answer.cookies["__Host-session"]

    assert cookie["secure"] is cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")
    assert client.session.session_key not in answer.content.decode() + str(answer.headers["Location"])


def test_every_answer_has_the_headers_whatever_made_it(settings: Any) -> None:
    """Pages, files, errors, redirects, problems of the interface: HSTS, policy, no sniffing."""
    settings.SECURE_HSTS_SECONDS = 2 * YEAR_S
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    client = client_of(make_site()["resident"])
    asked = (
        ("/", {}),
        ("/resident/", {}),
        ("/home/", {}),
        ("/nothing", {}),
        ("/bank/", {}),
        ("/healthz", {}),
        ("/?a=%00", {}),
        ("/static/shared/page.css", {}),
        ("/api/v1/openapi.json", {}),
        ("/api/v1/provider/batches", {}),
        ("/api/nothing", {}),
        ("/api/nothing", {"HTTP_X_LARGE": "x" * 20_000}),
    )
    for address, headers in asked:
        answer = client.get(address, secure=True, **headers)
        if answer.streaming:
            b"".join(answer.streaming_content)

        assert answer.headers["Strict-Transport-Security"] == f"max-age={2 * YEAR_S}; includeSubDomains", (
            address
        )
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], address
        assert "object-src 'none'" in answer.headers["Content-Security-Policy"], address
        assert answer.headers["X-Content-Type-Options"] == "nosniff", address
        assert answer.headers["Referrer-Policy"] == "same-origin", address
        assert "Access-Control-Allow-Origin" not in answer.headers, address


def test_https_is_what_our_own_proxies_say_and_nobody_else(rf: Any, settings: Any) -> None:
    forged = {"HTTP_X_FORWARDED_PROTO": "https"}

    assert not rf.get("/", **forged).is_secure()
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert rf.get("/", **forged).is_secure()


def test_nothing_of_what_a_person_knows_is_in_an_address() -> None:
    """Codes come by e-mail and go back in forms; no mail has a link that signs somebody in."""
    make_site()
    client = Client()
    client.post("/sign-in/", {"login": "resident@example.org"})
    client.post("/sign-in/new/", {"email": "new@example.org"})

    for message in mail.outbox:
        assert "http" not in str(message.body)
    answer = client.get("/sign-in/code/confirm/", {"code": code_in_mail()})
    assert client.get("/resident/").status_code == 302
    assert answer.status_code in (200, 302)


def test_mail_holds_no_line_that_somebody_typed() -> None:
    """A new line in an address would begin a header of its own."""
    for evil in ("\r\nBcc: b@example.org", "\nSubject: x", "%0aBcc:b@example.org", ", <b@example.org>"):
        Client().post("/sign-in/new/", {"email": f"a@example.org{evil}"})

    assert mail.outbox == []


def test_secrets_of_this_installation_are_readable_by_its_user_alone(fresh_home: Path) -> None:
    from tanpuhui.kit.home import keys, secret_key

    secret_key("one")

    assert keys().stat().st_mode & 0o777 == 0o700
    assert (keys() / "one").stat().st_mode & 0o777 == 0o600
    assert len(secret_key("one")) == 32
