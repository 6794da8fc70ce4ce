"""A bank sees what a resident consented to, with a code that leads nobody else anywhere, and nothing after a no."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import connection

from disclosure.people import AT, MINUTE, consent
from tanpuhui.consent.models import Grant
from tanpuhui.consent.withdraw import pause, withdraw
from tanpuhui.disclosure.hand_over import BALANCE, LETTERS, TIER, hand_over
from tanpuhui.disclosure.look import check, look, look_again, signed
from tanpuhui.disclosure.models import ReferenceCode, Statement
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.account import LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from unjudged import unjudged

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
DEMO = load_jurisdiction("demo")
LATER = AT + MINUTE


def looked(code: str, recipient: str = "bank", at: datetime = LATER) -> Statement:
    return look(code, recipient, jurisdiction=DEMO, at=at)


def code_of(grant: Grant, at: datetime = AT) -> str:
    return hand_over(grant.resident_id, grant.pk, at=at)[0]


def refusal_of(code: str, recipient: str = "bank", at: datetime = LATER) -> str:
    with pytest.raises(Refusal) as caught:
        looked(code, recipient, at)
    return caught.value.code


def test_a_statement_says_balance_and_tier_and_not_whose_it_is() -> None:
    grant = consent()

    content = looked(code_of(grant)).content

    assert content["balance"] == {"certified_mg": 0, "pending_mg": 0, "retired_mg": 0}
    assert content["tier"] is None
    assert set(content) == {
        "schema", "statement", "at", "issuer", "recipient", "purpose", "grant", "jurisdiction", "notice", "balance",
        "tier",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "there", "absent"), [(BALANCE, "balance", "tier"), (TIER, "tier", "balance")]
)
def test_what_the_consent_does_not_name_is_not_in_it(kind: str, there: str, absent: str) -> None:
    content = looked(code_of(consent(kind))).content

    assert there in content
    assert absent not in content


@pytest.mark.parametrize(
    ("earned_mg", "tier"),
    [
        (999_999, None),
        (1_000_000, "Bronze"),
        (19_999_999, "Bronze"),
        (20_000_000, "Silver"),
        (200_000_000, "Gold"),
    ],
)
def test_a_tier_begins_at_its_kilograms_and_not_a_milligram_before(earned_mg: int, tier: str | None) -> None:
    found = DEMO.tier_of(earned_mg, AT.date())

    assert (found.content["name"]["en"] if found else None) == tier


def test_a_code_is_read_however_it_is_typed_and_is_kept_as_a_digest_alone() -> None:
    code = code_of(consent())

    first = looked(code.lower().replace("-", " "))

    assert looked(code.replace("0", "o").replace("1", "l")) == first
    assert len(code) == 11
    assert set(code.replace("-", "")) <= set(LETTERS)
    assert code.replace("-", "").encode() not in bytes(ReferenceCode.objects.get().digest)


def test_wrong_old_and_other_codes_are_refused_in_the_same_words() -> None:
    code = code_of(consent())

    assert refusal_of("00000-00000") == "disclosure.unknown_reference"
    assert refusal_of("") == "disclosure.unknown_reference"
    assert refusal_of("é" * 10) == "disclosure.unknown_reference"
    assert refusal_of(code, recipient="pool_buyer") == "disclosure.unknown_reference"
    assert refusal_of(code, at=AT + timedelta(days=7)) == "disclosure.unknown_reference"
    assert looked(code, at=AT + timedelta(days=7) - MINUTE)


def test_after_a_withdrawal_neither_the_code_nor_an_earlier_statement_shows_anything() -> None:
    grant = consent()
    code = code_of(grant)
    statement = looked(code)
    withdraw(grant.pk, at=LATER, method="test")

    assert refusal_of(code, at=LATER + MINUTE) == "disclosure.not_allowed"
    with pytest.raises(Refusal) as caught:
        look_again(statement.pk, "bank", at=LATER + MINUTE)
    assert caught.value.code == "disclosure.not_allowed"


def test_a_pause_and_the_end_of_a_consent_shut_it_too() -> None:
    paused, ended = consent(), consent()
    codes = [code_of(paused), code_of(ended, at=ended.expires_at - MINUTE)]
    pause(paused.pk, at=LATER, method="test")

    assert refusal_of(codes[0]) == "disclosure.not_allowed"
    assert refusal_of(codes[1], at=ended.expires_at) == "disclosure.unknown_reference"


def test_a_statement_of_another_recipient_is_not_there() -> None:
    statement = looked(code_of(consent()))

    with pytest.raises(Refusal) as caught:
        look_again(statement.pk, "other", at=LATER)

    assert caught.value.code == "disclosure.unknown_reference"


def test_a_further_statement_is_made_when_the_purpose_allows_it_and_not_before() -> None:
    grant = consent()
    first = looked(code_of(grant))

    almost = LATER + timedelta(days=30) - MINUTE
    month = LATER + timedelta(days=30)

    assert looked(code_of(grant, at=almost), at=almost) == first
    assert looked(code_of(grant, at=month), at=month) != first


def test_nobody_hands_over_another_ones_consent_nor_one_that_is_not_in_force() -> None:
    grant, other = consent(), consent()
    withdraw(other.pk, at=LATER, method="test")

    for account, wanted, code in (
        (other.resident_id, grant.pk, "disclosure.unknown_grant"),
        (other.resident_id, other.pk, "disclosure.nothing_to_hand_over"),
    ):
        with pytest.raises(Refusal) as caught:
            hand_over(account, wanted, at=LATER + MINUTE)
        assert caught.value.code == code


def test_the_signed_form_is_checked_without_the_platform_and_no_other_byte_passes() -> None:
    statement = looked(code_of(consent()))
    token = signed(statement).compact()

    assert check(token) == statement.content
    head, body, rest = token.split(".")
    with pytest.raises(Refusal):
        check(f"{head}.{body[:-2]}AA.{rest}")


def test_certified_reductions_are_in_the_balance_and_pending_ones_apart() -> None:
    grant = consent()
    book(grant.resident_id, Kind.RESIDENT_CERTIFIED, "lot:X", 25_000_000)
    book(grant.resident_id, Kind.RESIDENT_PENDING, "pending:shenzhen/metro@1:2026", 3)

    content = looked(code_of(grant)).content

    assert content["balance"] == {"certified_mg": 25_000_000, "pending_mg": 3, "retired_mg": 0}
    assert content["tier"]["name"]["en"] == "Silver"
    assert content["tier"]["status"] == "illustrative"


def book(owner: int, kind: Kind, asset: str, amount: int) -> None:
    legs = move(
        source=account_id(Kind.ISSUANCE, LEDGER_ITSELF),
        target=account_id(kind, owner),
        asset_id=get_or_create_asset(connection, asset).id,
        amount=amount,
    )
    order = TransferOrder(key=f"{asset}-{owner}", reason="test", effective_on=AT.date(), legs=legs)
    with unjudged():
        transfer(connection, order, at=AT).accepted()


def test_a_jurisdiction_without_tiers_gives_none() -> None:
    assert replace(DEMO, tiers=()).tier_of(10**12, AT.date()) is None
