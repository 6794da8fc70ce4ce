"""A verifier's way through its pages, from opening to the signed statement, and the operator's answer."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.cache import caches
from django.test import Client
from django.utils.html import strip_tags

from tanpuhui.access.models import AuditEntry, Membership, Organisation
from tanpuhui.verification.key import DECLARATION, STATEMENT, sign
from tanpuhui.verification.keys import register_key
from tanpuhui.verification.models import Engagement, Examination, Finding, SampledAct, Statement
from tanpuhui.verification.plan import digest_of_nonce
from web.site import client_of, make_site
from web.town import AT, DAY, Closed

pytestmark = pytest.mark.django_db
EN = {"HTTP_ACCEPT_LANGUAGE": "en"}
HOME = "/verifier/own-verifier/engagements/"
NONCE = "thirty-two characters or some more"


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANPUHUI_OPERATOR", "The city's centre")
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["default"].clear()


def text(client: Client, address: str) -> str:
    answer = client.get(address, **EN)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode().replace("\u00a0", " ").replace("&nbsp;", " ")


def post(client: Client, address: str, **given: Any) -> Any:
    return client.post(address, given, **EN)


def key_of_own_verifier() -> Ed25519PrivateKey:
    private = Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    register_key(Organisation.objects.get(code="own-verifier"), raw, at=AT)
    return private


def opened(client: Client) -> str:
    """The page of a new engagement."""
    answer = post(client, HOME, methodology="shanghai/rooftop-pv@1", through=DAY.isoformat())
    page = f"{HOME}{Engagement.objects.latest('pk').pk}/"
    assert answer["Location"] == page
    return page


def drawn(client: Client, private: Ed25519PrivateKey) -> str:
    """The page of an engagement whose sample is drawn, from every step's own page."""
    page = opened(client)
    assert "Declare independence" in text(client, page)
    assert post(client, f"{page}recalculate/").status_code == 422, "nothing before the declaration"

    words = f"{page}declaration/?conflicts=None."
    assert "&quot;conflicts&quot;: &quot;None.&quot;" in text(client, words)
    declaration = json.loads(client.get(f"{words}&file=1").content)
    assert post(client, f"{page}declaration/", signed="not signed at all").status_code == 422
    assert (
        post(client, f"{page}declaration/", signed=sign(declaration, DECLARATION, private)).status_code == 302
    )

    assert post(client, f"{page}recalculate/").status_code == 302
    assert post(client, f"{page}complete/").status_code == 302
    shown = text(client, page)
    assert "Every close agrees, over 12 records and 5.04 t, to the milligram." in strip_tags(shown)
    assert "It balances" in shown
    assert "No total of a provider's own was compared (1 days and kinds have none)" in unescape(shown)

    plan = {"precision": "95/5", "share": "0.5", "cluster": "1", "icc": "0"}
    assert post(client, f"{page}plan/", **plan, nonce_digest="sha256:0").status_code == 422
    assert post(client, f"{page}plan/", **plan, nonce_digest=digest_of_nonce(NONCE)).status_code == 302
    assert "12 of 12 acts" in text(client, f"{page}plan/")
    assert post(client, f"{page}plan/", nonce="another nonce of thirty-two characters").status_code == 422
    assert post(client, f"{page}plan/", nonce=NONCE).status_code == 302
    return page


def test_a_verifier_goes_from_opening_to_a_signed_statement(closed: Closed) -> None:
    people = make_site()
    client, private = client_of(people["verifier"]), key_of_own_verifier()
    left = opened(client)

    page = drawn(client, private)

    number = Engagement.objects.latest("pk").pk
    again = post(client, HOME, methodology="shanghai/rooftop-pv@1", through=DAY.isoformat())
    assert again.status_code == 422
    assert f"Engagement {number} of own-verifier has a published plan" in unescape(again.content.decode())
    assert f"Engagement {number}" in text(client, HOME)
    sample = text(client, f"{page}sample/")
    assert "12 acts are left to examine." in sample
    for account in closed.accounts.values():
        assert f">{account}<" not in sample
    looked = text(client, f"{page}sample/1/")
    assert "420 kg" in strip_tags(looked)
    assert "0.42" in looked
    entry = AuditEntry.objects.get(verb="verifier_act_seen")
    assert entry.object_key == str(SampledAct.objects.get(position=1).account)
    assert post(client, f"{page}sample/1/", verdict="differs", note="invoice").status_code == 422
    for position in range(1, 13):
        assert (
            post(client, f"{page}sample/{position}/", verdict="agrees", note="meter photo").status_code == 302
        )
    assert Examination.objects.count() == 12
    assert "Every act of the sample is examined." in text(client, f"{page}sample/?show=left")

    asked = {"severity": "major", "text": "Meters stand still.", "asked": "Read them again."}
    assert post(client, f"{page}findings/", **asked).status_code == 302
    assert f"major findings are open: {number}.1" in text(client, f"{page}conclusion/")
    staff = client_of(people["operator"])
    answer = f"/console/verifications/{number}/findings/1/answer"
    assert "Meters stand still." in text(staff, answer)
    assert post(staff, answer, text="Read on Monday.").status_code == 302
    assert "Read on Monday." in text(staff, f"/console/verifications/{number}/")
    assert post(client, f"{page}findings/1/", step="closed", text="Seen.").status_code == 302
    assert Finding.objects.get().steps.count() == 2

    wish = f"{page}conclusion/?conclusion=&remarks=Well+kept."
    shown = unescape(text(client, wish))
    assert "By its numbers and findings the lot is accepted." in shown
    assert "No total of a provider's own was compared" in shown
    assert f"Engagement {left.rstrip('/').rpartition('/')[2]} of " in shown
    assert "over closes of this one: not concluded" in shown
    statement = json.loads(client.get(f"{wish}&file=1").content)
    assert post(client, f"{page}conclusion/", signed=sign(statement, STATEMENT, private)).status_code == 302
    assert Statement.objects.get().conclusion == "accept"
    shown = text(client, f"{page}conclusion/")
    assert "The lot was accepted, signed at" in shown
    assert "over closes of this one: not concluded" in shown
    assert client.get(f"{page}statement.json").json()["remarks"] == "Well kept."
    assert client.get(f"{page}statement.pdf").content.startswith(b"%PDF")
    assert post(client, f"{page}findings/", **asked | {"text": "More."}).status_code == 422


def test_another_verifiers_engagement_is_not_there_and_an_auditor_only_reads(closed: Closed) -> None:
    people = make_site()
    client = client_of(people["verifier"])
    post(client, HOME, methodology="shanghai/rooftop-pv@1", through=DAY.isoformat())
    number = Engagement.objects.get().pk
    Membership.objects.filter(organisation__code="own-verifier").update(ended_at=AT)
    from tanpuhui.access.membership import join

    assert people["verifier"] is not None
    join(people["verifier"], Organisation.objects.get(code="own-verifier"), Membership.AUDITOR, at=AT)

    assert client.get(f"{HOME}{number}/").status_code == 200
    for place in ("declaration/", "recalculate/", "complete/", "plan/", "findings/"):
        assert post(client, f"{HOME}{number}/{place}", nonce="x").status_code == 403
    Membership.objects.filter(organisation__code="own-verifier", ended_at=None).update(ended_at=AT)
    join(people["verifier"], Organisation.objects.get(code="other-verifier"), Membership.ADMIN, at=AT)
    for place in ("", "sample/", "sample/1/", "conclusion/", "statement.json"):
        assert client.get(f"/verifier/other-verifier/engagements/{number}/{place}").status_code == 404


def test_the_operators_staff_opens_an_engagement_and_sees_what_is_published(closed: Closed) -> None:
    staff = client_of(make_site()["operator"])
    form = text(staff, "/console/verifications/open")
    assert "shanghai/rooftop-pv@1" in form

    answer = post(
        staff,
        "/console/verifications/open",
        methodology="shanghai/rooftop-pv@1",
        through=DAY.isoformat(),
        verifier="own-verifier",
    )

    found = Engagement.objects.get()
    assert answer["Location"] == f"/console/verifications/{found.pk}/"
    assert found.data_digest in text(staff, answer["Location"])
    assert "declares its independence" in text(staff, "/console/verifications/")
