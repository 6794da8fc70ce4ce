"""Credentials on pages: files that a stranger checks, how to check them, and a status that everybody sees."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from tanpuhui.access.models import AuditEntry, Organisation
from tanpuhui.access.organise import organise
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import policy
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.certificate import check, credential_of
from tanpuhui.offsetting.models import Certificate
from tanpuhui.offsetting.voluntary import VoluntaryOrder, retire_voluntarily
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.transparency import verify_certificate
from tanpuhui.transparency.credential_status import publish_lists, restore, revoke, suspend
from tanpuhui.transparency.credentials.key import key_from_secret, public_jwk
from tanpuhui.transparency.models import Credential
from web.companies import holding, owner_of
from web.residents import RECIPIENT, agreeing, resident
from web.site import client_of, make_site, own_code

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
EN = {"HTTP_ACCEPT_LANGUAGE": "en"}


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["default"].clear()


@pytest.fixture()
def boss() -> Client:
    return client_of(make_site()["company"])


def retired() -> Certificate:
    """A certificate of two tonnes for a marathon."""
    holding(2, jurisdiction="demo", status="illustrative")
    order = VoluntaryOrder("v", owner_of(own_code("company")), 2 * TONNE_MG, "Marathon", "travel")
    return retire_voluntarily(order, load_jurisdiction("demo"), at=utc_now()).certificate


def published() -> dict[str, Any]:
    """What a verifier downloads from the pages."""
    publish_lists(policy().origin, at=utc_now())
    issuer, tokens = Client().get("/.well-known/jwt-vc-issuer"), Client().get("/status-lists/1")
    assert tokens.headers["Content-Type"] == "application/statuslist+jwt"
    assert tokens.headers["Access-Control-Allow-Origin"] == "*"
    return {"issuer": issuer.content.decode(), "status_lists": [tokens.content.decode()]}


def shown_by(content: bytes, **trusted: Any) -> dict[str, Any]:
    found: dict[str, Any] = verify_certificate.check_file(content, None, None, {**published(), **trusted})[0]
    return found["record"]


def allowed(*kinds: str) -> tuple[Client, str]:
    """A resident who let the bank see these kinds, and where they take a file."""
    organise(Organisation.BANK, "bank", name_zh="银行", name_en="Bank", at=utc_now())
    client, _, _ = resident()
    assert client.post(RECIPIENT, agreeing(client, *kinds)).status_code == 302
    return client, f"/resident/statements/{Grant.objects.latest('id').pk}/credential/"


def test_a_resident_takes_a_file_with_the_tier_alone_and_that_is_written_down() -> None:
    client, address = allowed("account_balance", "account_tier")
    page = client.get("/resident/statements/", **EN).content.decode()
    assert "Take a signed file instead" in page

    answer = client.post(address, {"shows": "account_tier"})
    whole = client.post(address, {"shows": "all"})

    assert answer.headers["Content-Type"] == "application/sd-jwt+json"
    claims = shown_by(answer.content, audience="bank")
    assert claims["tier"] is None
    assert {"balance", "purpose", "grant"} & set(claims) == set()
    assert shown_by(whole.content, audience="bank")["balance"]["certified_mg"] == 0
    entries = AuditEntry.objects.filter(verb="take_credential").order_by("pk")
    assert [one.facts["shows"] for one in entries] == ["account_tier", "all"]
    first, second = Credential.objects.order_by("pk")
    suspend(first, reason="the sums are looked at", by="operator", at=utc_now())
    revoke(second, reason="the consent ended", by="consent", at=utc_now())
    mine = (
        client.get("/resident/statements/", **EN).content.decode().partition("Signed statements and files")[2]
    )
    assert re.findall(">(suspended|revoked|valid)<", mine) == ["revoked", "suspended"]
    assert "the sums are looked at" in mine
    assert "the consent ended" in mine
    with pytest.raises(verify_certificate.Wrong, match="it is for you"):
        shown_by(answer.content, audience="other")


def test_a_consent_to_the_tier_gives_no_balance_and_a_key_must_be_one() -> None:
    client, address = allowed("account_tier")
    key = json.dumps(public_jwk(key_from_secret(b"k" * 32)))

    assert client.post(address, {"shows": "account_balance"}, **EN).status_code == 404
    wrong = client.post(address, {"shows": "account_tier", "holder_key": "{}"}, **EN)
    bound = client.post(address, {"shows": "account_tier", "holder_key": key})

    assert (wrong.status_code, "This is no public key on P-256" in wrong.content.decode()) == (422, True)
    assert Credential.objects.filter(statement__isnull=False).count() == 1
    with pytest.raises(verify_certificate.Wrong, match="proves the key"):
        shown_by(bound.content, audience="bank", nonce="1")
    assert client.get(address).status_code == 405


def test_a_public_page_says_whether_a_certificate_is_valid_suspended_or_revoked(boss: Client) -> None:
    certificate = retired()
    number, credential = certificate.number, credential_of(certificate)
    address = f"/certificates/{number}/"
    step: dict[str, Any] = {"by": "test", "at": utc_now()}

    file = Client().get(f"/certificates/{number}.sd-jwt.json")
    assert 'class="badge good">valid<' in Client().get(address, **EN).content.decode()
    assert "follows in a few seconds" in Client().get(address, **EN).content.decode()
    assert check(file.content.decode())["number"] == number
    suspend(credential, reason="the meter is looked at", **step)
    suspended = Client().get(address, **EN).content.decode()
    assert ">suspended<" in suspended
    assert "the meter is looked at" in suspended
    restore(credential, reason="all well", **step)
    assert ">valid<" in Client().get(address, **EN).content.decode()
    revoke(credential, reason="issued by mistake", **step)
    assert "nobody should rely on this certificate" in Client().get(address, **EN).content.decode()
    assert json.loads(Client().get(f"/certificates/{number}.json").content)["status"] == "revoked"
    mine = boss.get("/company/own-company/certificates/", **EN).content.decode()
    assert ">revoked<" in mine
    assert "issued by mistake" in mine


def test_the_page_for_checking_leads_to_every_file() -> None:
    assert "is being prepared" in Client().get("/credentials/", **EN).content.decode()
    assert Client().get("/status-lists/1").status_code == 404
    published()

    page = Client().get("/credentials/", **EN).content.decode()

    for file in (
        "/log/verify_certificate.py",
        "/.well-known/jwt-vc-issuer",
        "/log/policy",
        "/status-lists/1",
    ):
        assert f'href="{file}"' in page
        assert Client().get(file).status_code == 200
