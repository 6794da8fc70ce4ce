"""Giving: what may be agreed to, by whom, until when; and what may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from consent.people import AT, LATER, METRO, SHANGHAI, adult, child, in_parallel, metro_grant
from tanpuhui.consent.artefact import verify_artefact
from tanpuhui.consent.close_account import close_account
from tanpuhui.consent.give import Giving, give, give_many
from tanpuhui.consent.models import Grant, GrantEvent
from tanpuhui.consent.open_account import Facts, open_account, open_accounts
from tanpuhui.consent.refusals import (
    AccountClosed,
    AlreadyGiven,
    BadLanguage,
    BadRange,
    BadTerm,
    Bundled,
    GuardianMissing,
    KindNotNamed,
    NotTheGuardian,
    UnknownGiver,
    UnknownPurpose,
    UnknownRecipient,
    UnknownResident,
    WrongRecipient,
)
from tanpuhui.consent.terms import acts_of_days
from tanpuhui.kit.moment import to_us
from tanpuhui.kit.refusal import Refusal

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)
YEAR_LATER = datetime(2027, 3, 2, 9, 0, tzinfo=SHANGHAI)


def test_a_grant_lasts_twelve_months_and_covers_acts_of_that_time_unless_it_says_otherwise() -> None:
    grant = metro_grant(kinds=("metro_trip", "bus_trip", "metro_trip"))

    assert grant.kinds == ["bus_trip", "metro_trip"]
    assert (grant.begins_at, grant.expires_at) == (AT, YEAR_LATER)
    assert grant.acts_from_us == to_us(datetime(2026, 3, 2, tzinfo=SHANGHAI))
    assert grant.acts_to_us == to_us(YEAR_LATER)
    assert [(event.seq, event.state, event.at, event.by) for event in grant.events.all()] == [
        (1, "ConsentGiven", AT, "resident")
    ]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"purpose": "quantification,disclosure"}, Bundled),
        ({"purpose": ["quantification", "disclosure"]}, Bundled),
        ({"purpose": "*"}, Bundled),
        ({"purpose": ""}, Bundled),
        ({"recipient": "platform bank"}, Bundled),
        ({"recipient": ("platform", "bank")}, Bundled),
        ({"provider": "szt+bike_app"}, Bundled),
        ({"provider": "*"}, Bundled),
        ({"purpose": "marketing"}, UnknownPurpose),
        ({"recipient": "bank"}, WrongRecipient),
        ({"purpose": "disclosure"}, WrongRecipient),
        ({"purpose": "disclosure", "recipient": "somebody"}, WrongRecipient),
        ({"kinds": ()}, KindNotNamed),
        ({"kinds": ("*",)}, KindNotNamed),
        ({"kinds": "metro_trip"}, KindNotNamed),
        ({"kinds": ("metro_trip,bus_trip",)}, KindNotNamed),
        ({"lang": "fr"}, BadLanguage),
        ({"expires_at": AT}, BadTerm),
        ({"expires_at": YEAR_LATER + MICROSECOND}, BadTerm),
        ({"begins_at": AT - MICROSECOND}, BadTerm),
        ({"acts_from_us": to_us(LATER), "acts_to_us": to_us(LATER)}, BadRange),
        ({"acts_from_us": to_us(YEAR_LATER)}, BadRange),
        ({"acts_from_us": 0}, BadRange),
        ({"acts_to_us": 2**63 - 1}, BadRange),
    ],
)
def test_what_nobody_can_agree_to_is_refused_and_changes_nothing(
    changes: dict[str, Any], refusal: type[Refusal]
) -> None:
    account = adult()

    with pytest.raises(refusal) as refused:
        give(account, replace(METRO, **changes), at=AT, method="test")

    assert refused.value.code.startswith("consent.")
    assert not Grant.objects.exists()


def test_a_recipient_without_name_and_contact_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from tanpuhui.consent.policy import policy

    nameless = {code: party for code, party in policy().parties.items() if code != "bank"}
    monkeypatch.setattr("tanpuhui.consent.give.policy", lambda: replace(policy(), parties=nameless))

    with pytest.raises(UnknownRecipient, match="PIPL article 23"):
        metro_grant(purpose="disclosure", recipient="bank")


def test_a_day_that_no_record_can_be_of_is_refused() -> None:
    assert acts_of_days(None, None) == (None, None)
    for day in (date(14, 1, 1), date(9999, 12, 31), date(1, 1, 1)):
        with pytest.raises(BadRange):
            acts_of_days(day, day)


def test_days_of_acts_are_local_and_both_included() -> None:
    assert acts_of_days(date(2018, 9, 1), date(2018, 9, 1)) == (
        to_us(datetime(2018, 9, 1, tzinfo=SHANGHAI)),
        to_us(datetime(2018, 9, 2, tzinfo=SHANGHAI)),
    )


def test_an_account_that_does_not_exist_gives_nothing() -> None:
    for account in (-1, 0, 10**9, 2**63, 2**80):
        with pytest.raises(UnknownResident):
            metro_grant(account or -1)


def test_a_closed_account_gives_nothing() -> None:
    account = adult()
    close_account(account, at=AT, method="test")

    with pytest.raises(AccountClosed):
        metro_grant(account)


def test_nobody_gives_for_others() -> None:
    with pytest.raises(UnknownGiver):
        give(adult(), METRO, at=AT, by="szt", method="test")


def test_a_second_grant_for_the_same_is_refused_while_one_is_in_force() -> None:
    grant = metro_grant()

    with pytest.raises(AlreadyGiven) as refused:
        metro_grant(grant.resident_id, kinds=("bus_trip",))

    assert refused.value.facts == {"grant": grant.pk, "account": grant.resident_id, "state": "ConsentGiven"}
    metro_grant(grant.resident_id, provider="bike_app")
    metro_grant(grant.resident_id, purpose="disclosure", recipient="bank")


@pytest.mark.django_db(transaction=True)
def test_one_of_many_grants_that_are_given_at_once_is_stored() -> None:
    account = adult()

    def attempt() -> Grant:
        with transaction.atomic():
            return metro_grant(account)

    results = in_parallel([attempt] * 8)

    assert sum(isinstance(result, Grant) for result in results) == 1
    assert sum(isinstance(result, AlreadyGiven) for result in results) == 7
    assert Grant.objects.count() == GrantEvent.objects.count() == 1


def test_under_fourteen_the_guardian_on_file_agrees_and_nobody_else() -> None:
    account, guardian = child()

    with pytest.raises(GuardianMissing):
        give(account, METRO, at=AT, method="test")
    with pytest.raises(NotTheGuardian, match="guardian on file"):
        give(account, METRO, at=AT, method="test", guardian=adult())
    assert not Grant.objects.exists()

    grant = give(account, METRO, at=AT, method="test", guardian=guardian)

    assert grant.artefact["guardian"] == guardian


def test_from_the_fourteenth_birthday_on_the_person_agrees_and_no_guardian() -> None:
    account, guardian = child(born=date(2012, 3, 9))
    eve, birthday = (
        datetime(2026, 3, 8, 23, 59, 59, 999999, tzinfo=SHANGHAI),
        datetime(2026, 3, 9, tzinfo=SHANGHAI),
    )

    with pytest.raises(GuardianMissing):
        give(account, METRO, at=eve, method="test")
    with pytest.raises(NotTheGuardian, match="14 or over"):
        give(account, METRO, at=birthday, method="test", guardian=guardian)

    assert give(account, METRO, at=birthday, method="test").guardian_id is None


def test_what_a_guardian_agreed_to_ends_with_the_fourteenth_birthday() -> None:
    account, guardian = child(born=date(2012, 9, 1))
    turns = datetime(2026, 9, 1, tzinfo=SHANGHAI)

    with pytest.raises(BadTerm, match="14"):
        give(account, replace(METRO, expires_at=turns + MICROSECOND), at=AT, method="test", guardian=guardian)
    grant = give(account, METRO, at=AT, method="test", guardian=guardian)

    assert grant.expires_at == turns
    assert grant.acts_to_us == to_us(turns)


def test_a_grant_of_29_february_ends_on_28_february() -> None:
    leap_day = datetime(2028, 2, 29, 12, tzinfo=SHANGHAI)

    grant = give(adult(), METRO, at=leap_day, method="test")

    assert grant.expires_at == datetime(2029, 2, 28, 12, tzinfo=SHANGHAI)


def test_a_batch_gives_each_their_own_signed_artefact() -> None:
    accounts = open_accounts(200, at=AT)
    givings = [Giving(account, replace(METRO, kinds=(f"kind_{account}",))) for account in accounts]

    grants = give_many(givings, at=AT, by="operator", method="paper")

    assert [grant.resident_id for grant in grants] == accounts
    stored = Grant.objects.order_by("pk")
    for grant, account in zip(stored, accounts, strict=True):
        content = verify_artefact(grant.token)
        assert (content["principal"], content["activity_types"]) == (account, [f"kind_{account}"])
    assert (
        GrantEvent.objects.filter(seq=1, state="ConsentGiven", by="operator", method="paper").count() == 200
    )


def test_an_empty_batch_gives_nothing() -> None:
    assert give_many([], at=AT, method="test") == []


def test_a_batch_is_given_whole_or_not_at_all() -> None:
    accounts = open_accounts(3, at=AT)
    metro_grant(accounts[2])

    with pytest.raises(AlreadyGiven):
        give_many([Giving(account, METRO) for account in accounts], at=AT, method="test")

    assert Grant.objects.count() == 1


def test_a_batch_with_the_same_grant_twice_is_refused() -> None:
    account = adult()

    with pytest.raises(Bundled, match="twice"):
        give_many([Giving(account, METRO), Giving(account, METRO)], at=AT, method="test")


def test_a_child_in_a_batch_without_its_guardian_refuses_the_batch() -> None:
    account, guardian = child()
    givings = [Giving(adult(), METRO), Giving(account, METRO)]

    with pytest.raises(GuardianMissing):
        give_many(givings, at=AT, method="test")

    givings[1] = replace(givings[1], guardian=guardian)
    assert len(give_many(givings, at=AT, method="test")) == 2


def test_whose_birth_date_is_not_known_agrees_alone() -> None:
    account = open_accounts(1, at=AT, facts={0: Facts(guardian=adult())})[0]

    assert give(account, METRO, at=AT, method="test")
    assert open_account(at=AT)
