"""A company's pages: it declares, reserves its cap, is refused the milligram above it, surrenders and has its proof."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.core.cache import caches
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation

from registry.units_town import AT
from tanpuhui.access.models import AuditEntry
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.certificate import check
from tanpuhui.offsetting.models import Certificate, Reservation, VoluntaryRetirement
from tanpuhui.registry import annul as annulling
from tanpuhui.registry import cancel, lock, pool, retire, transfer
from tanpuhui.registry.annul import annul
from web.companies import holding, member, owner_of
from web.site import client_of, make_site

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
EN = {"HTTP_ACCEPT_LANGUAGE": "en"}
OWN = "/company/own-company/"
YEAR = f"{OWN}offsets/guangdong/2022/"
MILLION = {"verified_emissions": "1,000,000", "allowances": "", "source": "verification report 17"}


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["default"].clear()


@pytest.fixture()
def boss() -> Client:
    return client_of(make_site()["company"])


def plain(client: Client, address: str) -> str:
    """A page's words, with single spaces."""
    answer = client.get(address, **EN)
    assert answer.status_code == 200, (address, answer.status_code)
    text = unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return re.sub(r"[\s\N{NO-BREAK SPACE}]+", " ", text)


def key_in(client: Client, address: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', client.get(address).content.decode())
    assert found
    return found[1]


def reserved(client: Client, tonnes: str) -> Any:
    return client.post(YEAR, {"amount": tonnes, "key": key_in(client, YEAR)}, **EN)


def surrendered(client: Client, tonnes: int = 100) -> Certificate:
    client.post(f"{YEAR}declare/", {**MILLION, "verified_emissions": str(tonnes * 10)})
    reserved(client, str(tonnes))
    number = Reservation.objects.latest("pk").pk
    assert client.post(f"{OWN}reservations/{number}/surrender/").status_code == 302
    return Certificate.objects.get(reservation=number)


def test_of_a_million_tonnes_a_hundred_thousand_may_be_offset_and_not_a_milligram_more(boss: Client) -> None:
    lot = holding(150_000)
    asked = f"{OWN}offsets/?place=guangdong&year=2022&verified_emissions=1000000&allowances="
    reckoned = plain(boss, asked)
    assert "1,000,000 t verified emissions × 10 / 100 = 100,000 t" in reckoned
    assert "at most 10 % of the verified emissions of the year, at least 70 % of it local" in reckoned
    assert boss.post(f"{YEAR}declare/", MILLION).status_code == 302
    page = plain(boss, YEAR)
    assert "1,000,000 t verified emissions × 10 / 100 = 100,000 t" in page
    assert "verification report 17" in page

    above = reserved(boss, "100000.000000001")
    assert above.status_code == 422
    shown = above.content.decode()
    assert "guangdong/offset_caps/2021-01-01" in shown
    assert 'value="100000.000000001"' in shown
    assert not Reservation.objects.exists()
    assert reserved(boss, "100000").status_code == 302
    number = Reservation.objects.get().pk
    confirm = plain(boss, f"{OWN}reservations/{number}/surrender/")
    assert "This cannot be undone." in confirm
    answer = boss.post(f"{OWN}reservations/{number}/surrender/")

    assert answer.headers["Location"] == "/certificates/C000001-95/"
    certificate = plain(Client(), "/certificates/C000001-95/")
    for said in ("100,000 t", "Own", "Guangdong", "2022", lot, "1,000,000 t verified emissions × 10 / 100"):
        assert said in certificate
    assert reserved(boss, "1").status_code == 422
    assert "0 t" in plain(boss, YEAR)
    verbs = list(AuditEntry.objects.order_by("id").values_list("verb", flat=True))
    assert verbs == ["declare_emissions", "reserve_units", "surrender_units"]


def test_anybody_checks_a_certificate_as_json_and_on_paper(boss: Client) -> None:
    holding(100)
    number = surrendered(boss).number

    said = json.loads(Client().get(f"/certificates/{number}.json").content)
    paper = Client().get(f"/certificates/{number}.pdf", **EN)

    assert check(said["signed"], said["key"]) == said["certificate"]
    assert said["certificate"]["company"]["code"] == "own-company"
    assert paper.content.startswith(b"%PDF-")
    assert f"certificate-{number}-en.pdf" in paper.headers["Content-Disposition"]
    assert "company@example.org" not in json.dumps(said)
    for wrong in ("C000001-59", "C000002-92", "x"):
        assert Client().get(f"/certificates/{wrong}/").status_code == 404
    found = Client().get(f"/certificates/?number={number.lower()}")
    assert found.headers["Location"] == f"/certificates/{number}/"
    assert Client().get("/certificates/?number=C000001-59").status_code == 404


def test_a_form_that_is_sent_twice_is_one_filing(boss: Client) -> None:
    holding(100)
    boss.post(f"{YEAR}declare/", MILLION)
    form = {"amount": "10", "key": key_in(boss, YEAR)}

    assert [boss.post(YEAR, form).status_code for _ in range(2)] == [302, 302]
    assert Reservation.objects.count() == 1
    assert boss.post(YEAR, {**form, "amount": "11"}).status_code in (409, 422)
    number = Reservation.objects.get().pk
    address = f"{OWN}reservations/{number}/surrender/"
    assert {boss.post(address).headers["Location"] for _ in range(2)} == {"/certificates/C000001-95/"}


def test_what_is_released_may_be_reserved_again(boss: Client) -> None:
    holding(100)
    boss.post(f"{YEAR}declare/", MILLION)
    reserved(boss, "100")
    number = Reservation.objects.get().pk
    assert "yours again" in plain(boss, f"{OWN}reservations/{number}/release/")

    assert boss.post(f"{OWN}reservations/{number}/release/").headers["Location"] == YEAR

    assert boss.post(f"{OWN}reservations/{number}/surrender/").status_code in (409, 422)
    assert reserved(boss, "100").status_code == 302
    assert not Certificate.objects.exists()


def test_lots_that_may_not_be_used_are_shown_with_the_reason(boss: Client) -> None:
    holding(5)
    holding(5, status="illustrative")
    holding(5, jurisdiction="shanghai")
    boss.post(f"{YEAR}declare/", MILLION)

    page = plain(boss, YEAR)

    assert "may be used local" in page
    assert "may not be used Its factors are illustrative, which is not accepted here." in page
    assert "may not be used It is from shanghai, which is not accepted here." in page
    refused = reserved(boss, "6")
    assert refused.status_code == 422


def test_what_has_to_be_replaced_stands_on_the_first_page_until_it_is_made_good(boss: Client) -> None:
    wrong = holding(100)
    certificate = surrendered(boss)
    holding(100)
    annul(wrong, reason="the meter was turned back", at=AT)
    assert "To be replaced" in plain(boss, OWN)
    assert "Nothing replaces them yet" in plain(Client(), f"/certificates/{certificate.number}/")
    address = f"{OWN}reservations/{certificate.reservation_id}/replace/{wrong}/"
    assert "100 t of" in plain(boss, address)

    assert boss.post(address).status_code == 302
    assert boss.post(address).status_code == 302

    assert "To be replaced" not in plain(boss, OWN)
    page = plain(Client(), f"/certificates/{certificate.number}/")
    assert "These stand in their place:" in page
    assert "in the place of tonnes of" in plain(Client(), "/serials/101/")
    assert certificate.number in plain(Client(), "/serials/101/")


def test_an_event_is_offset_voluntarily_with_beneficiary_and_purpose(boss: Client) -> None:
    lot = holding(5, jurisdiction="demo", status="illustrative")
    holding(5)
    address = f"{OWN}retire/"
    form = {
        "lot": lot,
        "amount": "5",
        "beneficiary": "City marathon",
        "purpose": "travel of its runners",
        "key": key_in(boss, address),
    }
    assert "guangdong" not in plain(boss, address).lower()
    assert boss.post(address, form).status_code == 422
    assert not VoluntaryRetirement.objects.exists()

    answers = [boss.post(address, {**form, "sure": "on"}) for _ in range(2)]

    assert [answer.headers["Location"] for answer in answers] == ["/certificates/C000001-95/"] * 2
    page = plain(Client(), "/certificates/C000001-95/")
    assert "City marathon" in page
    assert "Illustrative: these tonnes rest on factors that no official text supports." in page
    tonne = plain(Client(), "/serials/1/")
    for said in ("used, for good", "Used by Own", "City marathon", "C000001-95"):
        assert said in tonne
    assert json.loads(Client().get("/serials/1.json").content)["purpose"]["purpose"] == "voluntary"


def test_holdings_and_history_have_serial_numbers_and_states(boss: Client) -> None:
    holding(100)
    surrendered(boss, 40)

    home, history = plain(boss, OWN), plain(boss, f"{OWN}history/")

    assert "held 60 t GD-PHCER-SHANGHAI.ROOFTOP-PV.1-2026-000000041-000000100" in home
    assert "retired 40 t GD-PHCER-SHANGHAI.ROOFTOP-PV.1-2026-000000001-000000040" in home
    for said in ("delivered from a pool, to you", "set aside", "surrendered"):
        assert said in history


def test_who_holds_a_tonne_is_not_public_and_who_used_it_is(boss: Client) -> None:
    lot = holding(100)
    surrendered(boss, 40)

    used, held = plain(Client(), "/serials/40/"), plain(Client(), "/serials/41/")
    page = plain(Client(), f"/lots/{lot}/")

    assert "Used by Own" in used
    assert "with a company" in held
    assert "Own" not in held.replace("Own words", "")
    assert "Sum, which is what was issued 100 t" in page
    assert Client().get("/serials/101/").status_code == 404
    assert Client().get(f"/serials/{lot}/").status_code == 404


def test_an_auditor_looks_at_everything_and_does_nothing(boss: Client) -> None:
    holding(100)
    boss.post(f"{YEAR}declare/", MILLION)
    reserved(boss, "10")
    number = Reservation.objects.get().pk
    auditor = member("auditor")

    for address in (OWN, YEAR, f"{OWN}offsets/", f"{OWN}history/", f"{OWN}certificates/"):
        assert "Retire voluntarily" not in plain(auditor, address)
    assert auditor.post(YEAR, {"amount": "1", "key": "x"}).status_code == 403
    for address in (
        f"{YEAR}declare/",
        f"{OWN}retire/",
        f"{OWN}reservations/{number}/surrender/",
        f"{OWN}reservations/{number}/release/",
    ):
        assert (auditor.get(address).status_code, auditor.post(address).status_code) == (403, 403)
    assert member("member").get(f"{OWN}retire/").status_code == 200
    assert Reservation.objects.count() == 1


def test_another_companys_reservation_is_not_there(boss: Client) -> None:
    from offsetting.filings import ask, declared

    holding(10, code="other-company", jurisdiction="demo")
    owner = owner_of("other-company")
    declared(100, company=owner)
    number = ask(TONNE_MG, company=owner).pk

    for verb in ("surrender", "release", "replace/DEMO-000001"):
        for answer in (
            boss.get(f"{OWN}reservations/{number}/{verb}/"),
            boss.post(f"{OWN}reservations/{number}/{verb}/"),
        ):
            assert answer.status_code == 404


def test_whoever_has_not_shown_lately_who_they_are_is_asked_before_anything_is_used(boss: Client) -> None:
    from tanpuhui.access.models import User

    holding(100)
    boss.post(f"{YEAR}declare/", MILLION)
    reserved(boss, "10")
    number = Reservation.objects.get().pk
    old = client_of(User.objects.get(email="company@example.org"), since_s=7200)

    answer = old.post(f"{OWN}reservations/{number}/surrender/")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/")
    assert not Certificate.objects.exists()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"verified_emissions": "many"}, "plain number"),
        ({"verified_emissions": "-1"}, "plain number"),
        ({"verified_emissions": "0.0000000001"}, "plain number"),
        ({"verified_emissions": ""}, "required"),
        ({"source": " "}, "required"),
    ],
)
def test_what_cannot_be_declared_stays_in_the_form(boss: Client, form: dict[str, str], said: str) -> None:
    answer = boss.post(f"{YEAR}declare/", {**MILLION, **form}, **EN)

    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_a_place_or_year_without_a_rule_is_said(boss: Client) -> None:
    asked = f"{OWN}offsets/?place=guangdong&year=2020&verified_emissions=1&allowances="
    answer = boss.get(asked, **EN)
    assert answer.status_code == 422
    assert "guangdong has no rule on how much may be offset in 2020" in answer.content.decode()
    for place in ("atlantis", "pudong"):
        assert boss.get(f"{OWN}offsets/{place}/2022/").status_code == 404


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_verb_that_moves_units_has_words(language: str) -> None:
    verbs = [transfer.VERB, lock.VERB, lock.UNLOCK, lock.RETIRE, lock.TRANSFER, retire.VERB, cancel.VERB]
    verbs += [pool.DELIVER, pool.GIVE_BACK, annulling.VERB]

    with translation.override(language):
        said = [render_to_string("shared/unit_verb.html", {"verb": verb}).strip() for verb in verbs]

    assert [word for word in said if "_" in word] == []
    assert all(word.isascii() == (language == "en") for word in said), said
