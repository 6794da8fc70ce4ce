"""The certificate on paper: amounts, rule and serial numbers in both languages, and loudly what does not hold."""

from __future__ import annotations

import pytest
from django.utils import translation

from offsetting.filings import GUANGDONG, ask, declared
from registry.units_town import ACME, AT, given, new_lot
from tanpuhui.copies.cap_in_words import CapInWords
from tanpuhui.copies.certificate import certificate_pdf, values
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.models import Certificate
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.offsetting.voluntary import VoluntaryOrder, retire_voluntarily
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.annul import annul

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]


def surrendered(status: str = "official") -> Certificate:
    given(ACME, new_lot(150_000, jurisdiction="guangdong", status=status), 150_000)
    declared(1_000_000, GUANGDONG, year=2022)
    return surrender(ask(100_000 * TONNE_MG, GUANGDONG, year=2022).pk, key="s", at=AT).certificate


def printed(certificate: Certificate, language: str) -> dict[str, object]:
    with translation.override(language):
        return values(certificate, language)


def test_the_arithmetic_of_a_million_tonnes_is_on_the_paper_in_the_readers_language() -> None:
    certificate = surrendered()

    english, chinese = printed(certificate, "en"), printed(certificate, "zh-hans")

    rule = dict(english["rule"])  # type: ignore[call-overload]
    assert rule["Arithmetic"] == (
        "1,000,000\N{NO-BREAK SPACE}t verified emissions × 10 / 100 = 100,000\N{NO-BREAK SPACE}t"
    )
    assert rule["Rule by name"] == "guangdong/offset_caps/2021-01-01"
    assert english["tonnes"] == "100,000\N{NO-BREAK SPACE}t"
    assert "经核查的排放量 × 10 / 100" in str(chinese["rule"])
    assert (english["loud"], english["since"]) == ("", [])
    assert str(english["qr"]).startswith("<svg")


def test_what_is_illustrative_or_annulled_is_said_loudly() -> None:
    given(ACME, lot := new_lot(5, status="illustrative"), 5)
    order = VoluntaryOrder("k", ACME, 2 * TONNE_MG, "Marathon", "travel")
    certificate = retire_voluntarily(order, load_jurisdiction("demo"), at=AT).certificate
    annul(lot, reason="the meter was turned back", at=AT)

    shown = printed(certificate, "en")

    assert str(shown["loud"]).startswith("Illustrative:")
    assert shown["since"] == [
        f"2 t of {lot} were annulled afterwards (the meter was turned back), and nothing replaces them yet."
    ]
    assert ("Beneficiary", "Marathon") in shown["facts"]  # type: ignore[operator]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_it_is_a_pdf_and_the_same_one_again(language: str) -> None:
    given(ACME, new_lot(5), 5)
    order = VoluntaryOrder("k", ACME, 2 * TONNE_MG, "马拉松 <b>", '#eval(1) \\ " $')
    certificate = retire_voluntarily(order, load_jurisdiction("demo"), at=AT).certificate

    first = certificate_pdf(certificate, language)

    assert first.startswith(b"%PDF-")
    assert certificate_pdf(certificate, language) == first


@pytest.mark.parametrize(
    ("whole_mg", "share", "cap_mg", "said"),
    [
        (1, "10", 0, "0.000000001\N{NO-BREAK SPACE}t allowances × 10 / 100 = 0\N{NO-BREAK SPACE}t, rounded"),
        (0, "5", 0, "0\N{NO-BREAK SPACE}t allowances × 5 / 100 = 0\N{NO-BREAK SPACE}t"),
    ],
)
def test_a_cap_is_reckoned_in_words(whole_mg: int, share: str, cap_mg: int, said: str) -> None:
    with translation.override("en"):
        assert CapInWords("allowances", share, "0", whole_mg, cap_mg).arithmetic.startswith(said)
