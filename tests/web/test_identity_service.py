"""A city's identity service: what it says is one person, and of all that it says only the subject is kept."""

from __future__ import annotations

import base64
import hmac
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
from joserfc.jwk import OctKey, RSAKey
from joserfc.jws import JWSRegistry

from access.people import AT
from security.watch import written
from tanpuhui.access.hold import account_of
from tanpuhui.access.membership import join
from tanpuhui.access.models import User
from tanpuhui.access.organise import organise
from tanpuhui.consent.models import Identity

pytestmark = pytest.mark.django_db
SECRET = "a secret of this client, long enough"
ANY_HEADER = JWSRegistry(strict_check_header=False)
KEY, OTHER_KEY = (RSAKey.generate_key(3072, {"kid": "one", "use": "sig"}) for _ in range(2))


class Service(ThreadingHTTPServer):
    """An identity service that says who ``subject`` is, with more than anybody asked for."""

    subject = "subject-1"
    #: What it says otherwise than it should, and with which key and algorithm it signs.
    claims: dict[str, Any]
    description: dict[str, Any]
    signed_with: tuple[str, Any]
    redirects = False
    nonce = ""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.claims, self.description, self.signed_with = {}, {}, ("RS256", KEY)
        self.header: dict[str, Any] = {}

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
            "nonce": self.nonce,
            **self.claims,
        }
        algorithm, key = self.signed_with
        if algorithm == "none":
            return f"{_part({'alg': 'none'})}.{_part(said)}."
        if algorithm == "key confusion":
            signed = f"{_part({'alg': 'HS256', 'kid': 'one'})}.{_part(said)}"
            return f"{signed}.{_encoded(hmac.digest(key, signed.encode(), 'sha256'))}"
        header = {"alg": algorithm, "kid": "one", **self.header}
        return jwt.encode(header, said, key, registry=None if not self.header else ANY_HEADER)


def _part(said: dict[str, Any]) -> str:
    return _encoded(json.dumps(said).encode())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class Answers(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        here = self.server.issuer
        if self.server.redirects and self.path != "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            return
        if self.path == "/keys":
            self._say({"keys": [KEY.as_dict(private=False)]})
            return
        self._say(
            {
                "issuer": here,
                "authorization_endpoint": f"{here}/authorize",
                "token_endpoint": f"{here}/token",
                "userinfo_endpoint": f"{here}/userinfo",
                "jwks_uri": f"{here}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                **self.server.description,
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
            "provider_class": "tanpuhui.web.sign_in.identity_service.ServiceProvider",
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
    settings.OUTBOUND_ORIGINS = (server.issuer,)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def come_back(client: Client, service: Service) -> Any:
    """Go to the service and come back from it, signed in."""
    asked = urlsplit(client.post("/sign-in/service/city/?process=login").headers["Location"])
    query = parse_qs(asked.query)
    assert asked.path == "/authorize"
    assert query["scope"] == ["openid"]
    assert query["code_challenge_method"] == ["S256"]
    service.nonce = query["nonce"][0]
    return client.get("/sign-in/service/city/callback/", {"code": "c", "state": query["state"][0]})


def opened(client: Client) -> Any:
    return client.post("/sign-in/new/account/", {"birth_on": "1990-05-17", "agrees": "on"})


def test_somebody_new_comes_back_as_a_user_without_address_or_name(
    as_the_application: None, service: Service
) -> None:
    client = Client()

    assert come_back(client, service).headers["Location"] == "/home/"

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
    come_back(first, service)
    opened(first)

    assert come_back(again, service).headers["Location"] == "/home/"

    assert again.get("/resident/").status_code == 200
    assert User.objects.count() == 1
    assert SocialAccount.objects.get().extra_data == {}


def test_another_subject_is_another_user(as_the_application: None, service: Service) -> None:
    come_back(Client(), service)
    service.subject = "subject-2"
    come_back(Client(), service)

    assert User.objects.count() == 2


def test_an_answer_that_was_not_asked_for_is_refused(as_the_application: None, service: Service) -> None:
    answer = Client().get("/sign-in/service/city/callback/", {"code": "c", "state": "made-up"})

    assert answer.status_code in (400, 401, 403)
    assert User.objects.count() == 0


ACCEPTED = "/home/"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"aud": "somebody-else"},
        {"aud": ["somebody-else", "another"]},
        {"aud": ["tanpuhui", "another"], "azp": "another"},
        {"exp": 1_000_000_000},
        {"iat": 99_999_999_999},
        {"nonce": "of another try"},
        {"nonce": None},
        {"sub": None},
        {"nbf": 99_999_999_999},
    ],
)
def test_a_token_for_somebody_else_or_another_time_is_not_believed(
    as_the_application: None, service: Service, claims: dict[str, Any]
) -> None:
    service.claims = claims

    answer = come_back(Client(), service)

    assert answer.status_code == 401
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    "signed_with",
    [
        ("none", None),
        ("HS256", OctKey.import_key(SECRET)),
        ("key confusion", KEY.as_pem(private=False)),
        ("RS256", OTHER_KEY),
        ("RS512", KEY),
    ],
)
def test_a_token_that_is_not_signed_by_the_service_is_not_believed(
    as_the_application: None, service: Service, signed_with: tuple[str, Any]
) -> None:
    service.signed_with = signed_with

    answer = come_back(Client(), service)

    assert answer.status_code == 401
    assert User.objects.count() == 0


def test_a_key_that_is_too_short_is_not_believed(
    as_the_application: None, service: Service, settings: Any
) -> None:
    settings.IDENTITY_SERVICE_RSA_BITS = 4_096

    assert come_back(Client(), service).status_code == 401


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u"])
def test_a_token_cannot_name_the_key_that_it_is_checked_with(
    as_the_application: None, service: Service, name: str
) -> None:
    service.signed_with = ("RS256", OTHER_KEY)
    service.header = {
        name: OTHER_KEY.as_dict(private=False) if name == "jwk" else f"{service.issuer}/other-keys"
    }

    assert come_back(Client(), service).status_code == 401
    assert User.objects.count() == 0


def test_signing_in_at_the_service_is_one_factor_and_organisations_ask_for_another(
    as_the_application: None, service: Service
) -> None:
    """Whatever the service says about how somebody showed who they are, it counts as one factor."""
    client = Client()
    service.claims = {"acr": "high", "amr": ["mfa", "hwk"]}
    come_back(client, service)
    bank = organise("bank", "own-bank", name_zh="银行", name_en="Bank", at=AT)
    join(User.objects.get(), bank, "admin", at=AT)

    assert client.get("/bank/own-bank/").headers["Location"] == "/sign-in/settings/second/"


def test_whoever_is_signed_in_and_goes_to_the_service_is_asked_there_again(
    as_the_application: None, service: Service
) -> None:
    client = Client()
    come_back(client, service)
    before = client.session.session_key

    asked = urlsplit(client.post("/sign-in/service/city/?process=login").headers["Location"])
    query = parse_qs(asked.query)
    service.nonce = query["nonce"][0]
    client.get("/sign-in/service/city/callback/", {"code": "c", "state": query["state"][0]})

    assert query["prompt"] == ["login"]
    assert client.session.session_key != before
    assert client.get("/sign-in/settings/").status_code == 200


def test_a_session_here_ends_on_its_own_whatever_the_service_remembers(
    as_the_application: None, service: Service
) -> None:
    client = Client()
    come_back(client, service)

    client.post("/sign-in/sign-out/")

    assert client.get("/sign-in/settings/").status_code == 302


def test_a_service_that_says_it_is_another_is_not_gone_to(as_the_application: None, service: Service) -> None:
    service.description = {"issuer": service.issuer + "/other"}

    assert Client().post("/sign-in/service/city/?process=login").status_code == 401


def test_the_server_speaks_to_nobody_the_installation_did_not_name(
    as_the_application: None, service: Service
) -> None:
    service.description = {"token_endpoint": service.issuer.replace("127.0.0.1", "localhost") + "/token"}

    assert come_back(Client(), service).status_code == 401


def test_redirects_of_the_service_are_not_followed(as_the_application: None, service: Service) -> None:
    service.redirects = True

    assert Client().post("/sign-in/service/city/?process=login").status_code == 401


def test_a_service_that_does_not_answer_is_said_in_plain_words(
    as_the_application: None, service: Service, settings: Any
) -> None:
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"]["server_url"] = (
        "http://127.0.0.1:9"
    )
    settings.OUTBOUND_ORIGINS = ("http://127.0.0.1:9",)

    with written() as lines:
        answer = Client().post("/sign-in/service/city/?process=login", HTTP_ACCEPT_LANGUAGE="en")

    assert answer.status_code == 401
    assert "why=ConnectionError" in lines.of("service_failed")[0]
    assert "127.0.0.1" not in answer.content.decode()


def test_an_answer_meant_for_another_browser_is_refused(as_the_application: None, service: Service) -> None:
    victim, attacker = Client(), Client()
    asked = urlsplit(attacker.post("/sign-in/service/city/?process=login").headers["Location"])
    query = parse_qs(asked.query)
    service.nonce = query["nonce"][0]

    answer = victim.get("/sign-in/service/city/callback/", {"code": "c", "state": query["state"][0]})

    assert answer.status_code == 401
    assert User.objects.count() == 0


def test_each_try_has_secrets_of_its_own(as_the_application: None, service: Service) -> None:
    tries = [
        parse_qs(urlsplit(Client().post("/sign-in/service/city/?process=login").headers["Location"]).query)
        for _ in range(2)
    ]

    for name in ("state", "nonce", "code_challenge"):
        first, second = (one[name][0] for one in tries)
        assert first != second
        assert len(first) >= 43


def test_an_address_cannot_ask_for_more_than_the_installation_does(
    as_the_application: None, service: Service
) -> None:
    asked = Client().post("/sign-in/service/city/?process=login&scope=phone&auth_params=prompt%3Dnone")

    query = parse_qs(urlsplit(asked.headers["Location"]).query)
    assert query["scope"] == ["openid"]
    assert "prompt" not in query


def test_two_services_never_share_a_person(as_the_application: None, service: Service, settings: Any) -> None:
    come_back(Client(), service)
    app = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"] = [{**app, "provider_id": "district"}]
    asked = Client()
    location = asked.post("/sign-in/service/district/?process=login").headers["Location"]
    query = parse_qs(urlsplit(location).query)
    service.nonce = query["nonce"][0]

    asked.get("/sign-in/service/district/callback/", {"code": "c", "state": query["state"][0]})

    assert sorted(SocialAccount.objects.values_list("provider", "uid")) == [
        ("city", "subject-1"),
        ("district", "subject-1"),
    ]
    assert User.objects.count() == 2
