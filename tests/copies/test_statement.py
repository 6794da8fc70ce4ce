"""The statement on paper: the ledger's amounts, in both languages and in large print, the same bytes every time."""

from __future__ import annotations

from datetime import date

import pytest
from django.utils import translation

from access.people import LATER
from community.credits import KG, credit
from consent.people import adult, metro_grant
from tanpuhui.copies.letter import letter_pdf
from tanpuhui.copies.statement import Printed, amount, statement_pdf, values
from tanpuhui.copies.titles import title_of

pytestmark = pytest.mark.django_db


def printed(account: int, language: str) -> dict[str, object]:
    with translation.override(language):
        return values(account, Printed(language), at=LATER)


def test_it_says_what_the_ledger_has_by_month_and_methodology_newest_first() -> None:
    account = metro_grant().resident_id
    credit(account, 2 * KG)
    credit(account, -500_000)
    credit(account, 1, day=date(2026, 2, 28), methodology="national/shared-bike")

    shown = printed(account, "en")

    assert shown["total"] == {
        "label": "Avoided since the account was opened, CO₂ equivalent",
        "amount": "1.500001 kg",
    }
    assert shown["months"] == [
        ["March 2026", "Shenzhen low-carbon public transport: metro", "1.5 kg"],
        ["February 2026", "Shared pedal bicycle", "1 mg"],
    ]
    assert shown["sources"] == [["Demonstration metro", "in force", "2 March 2027"]]
    assert "illustrative" in str(shown["notes"])


def test_it_speaks_chinese_to_who_reads_chinese() -> None:
    account = metro_grant().resident_id
    credit(account, KG)

    shown = printed(account, "zh-hans")

    assert shown["title"] == "个人碳账户对账单"
    assert shown["months"] == [["2026年3月", "深圳市低碳公共出行(地铁)", "1 kg"]]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("large", [False, True])
def test_it_is_a_pdf_and_the_same_one_again(language: str, large: bool) -> None:
    account = adult()
    how = Printed(language, large=large)

    first = statement_pdf(account, how, at=LATER)

    assert first.startswith(b"%PDF-")
    assert first == statement_pdf(account, how, at=LATER)
    assert first != statement_pdf(account, Printed(language, large=not large), at=LATER)


def test_a_name_with_signs_of_the_typesetter_is_printed_as_it_is() -> None:
    account = metro_grant().resident_id
    how = Printed("en", names=(("szt", '#panic("x") $ [ \\ *bold*'),))

    assert statement_pdf(account, how, at=LATER).startswith(b"%PDF-")


def test_the_letter_is_a_pdf() -> None:
    made = letter_pdf(7, "0123-4567-89AB-CDEF", language="zh-hans", at=LATER, zone="Asia/Shanghai")

    assert made.startswith(b"%PDF-")


def test_a_code_that_is_no_methodology_is_shown_as_it_is() -> None:
    assert title_of("shenzhen/metro", "zh-hans") == "深圳市低碳公共出行(地铁)"
    for code in ("nowhere/none", "../..", "a", "a/b/c", ""):
        assert title_of(code, "en") == code


def test_amounts_are_exact() -> None:
    with translation.override("en"):
        assert [amount(mg) for mg in (1, 999, 1_000, 1_234_567_890)] == [
            "1 mg",
            "999 mg",
            "1 g",
            "1,234.56789 kg",
        ]
