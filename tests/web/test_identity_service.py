"""A city's identity service: what it says is one person, and of all that it says only the subject is kept."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.test import Client
from joserfc import jwt
from joserfc.jwk import OctKey

from tanpuhui.access.hold import account_of
from tanpuhui.access.models import User
from tanpuhui.consent.models import Identity

pytestmark = pytest.mark.django_db
SECRET = "a secret of this client, long enough"


class Service(ThreadingHTTPServer):
    """An identity service that says who ``subject`` is, with more than anybody asked for."""

    subject = "subject-1"

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def id_token(self) -> str:
        said = {
            "iss": self.issuer,
            "aud": "tanpuhui",
            "sub": self.subject,
            "exp": int(time.time()) + 60,
            "iat": int(time.time()),
            "name": "王明",
            "phone_number": "13800000000",
        }
        return jwt.encode({"alg": "HS256"}, said, OctKey.import_key(SECRET))


class Answers(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        here = self.server.issuer
        self._say(
            {
                "issuer": here,
                "authorization_endpoint": f"{here}/authorize",
                "token_endpoint": f"{here}/token",
                "userinfo_endpoint": f"{here}/userinfo",
                "jwks_uri": f"{here}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        )

    def do_POST(self) -> None:
        given = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert given["client_secret"] == [SECRET]
        assert given["code_verifier"]
        self._say({"access_token": "x", "token_type": "Bearer", "id_token": self.server.id_token()})

    def _say(self, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture()
def service(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    server = Service(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "SCOPE": ["openid"],
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "city",
                    "name": "City",
                    "client_id": "tanpuhui",
                    "secret": SECRET,
                    "settings": {"server_url": server.issuer, "fetch_userinfo": False},
                }
            ],
        }
    }
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def come_back(client: Client) -> Any:
    """Go to the service and come back from it, signed in."""
    asked = urlsplit(client.post("/sign-in/service/city/?process=login").headers["Location"])
    query = parse_qs(asked.query)
    assert asked.path == "/authorize"
    assert query["scope"] == ["openid"]
    assert query["code_challenge_method"] == ["S256"]
    return client.get("/sign-in/service/city/callback/", {"code": "c", "state": query["state"][0]})


def opened(client: Client) -> Any:
    return client.post("/sign-in/new/account/", {"birth_on": "1990-05-17", "agrees": "on"})


def test_somebody_new_comes_back_as_a_user_without_address_or_name(
    as_the_application: None, service: Service
) -> None:
    client = Client()

    assert come_back(client).headers["Location"] == "/home/"

    user = User.objects.get()
    known = SocialAccount.objects.get()
    assert (user.email, known.user, known.uid, known.extra_data) == (None, user, "subject-1", {})
    assert SocialToken.objects.count() == 0
    assert opened(client).headers["Location"] == "/resident/"
    identity = Identity.objects.get(resident_id=account_of(user))
    assert identity.proof_issuer == "city"
    assert client.get("/resident/").status_code == 200


def test_the_same_person_again_is_the_same_user_and_still_nothing_more_is_kept(
    as_the_application: None, service: Service
) -> None:
    first, again = Client(), Client()
    come_back(first)
    opened(first)

    assert come_back(again).headers["Location"] == "/home/"

    assert again.get("/resident/").status_code == 200
    assert User.objects.count() == 1
    assert SocialAccount.objects.get().extra_data == {}


def test_another_subject_is_another_user(as_the_application: None, service: Service) -> None:
    come_back(Client())
    service.subject = "subject-2"
    come_back(Client())

    assert User.objects.count() == 2


def test_an_answer_that_was_not_asked_for_is_refused(as_the_application: None, service: Service) -> None:
    answer = Client().get("/sign-in/service/city/callback/", {"code": "c", "state": "made-up"})

    assert answer.status_code in (400, 401, 403)
    assert User.objects.count() == 0
