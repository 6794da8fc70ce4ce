"""Withdrawing, pausing, superseding, expiring, leaving: one step each, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from consent.people import ACT, AT, LATER, METRO, SHANGHAI, adult, in_parallel, metro_grant
from tanpuhui.consent.close_account import close_account
from tanpuhui.consent.expire import expire
from tanpuhui.consent.gate import Allowed, Reason, allows
from tanpuhui.consent.give import give
from tanpuhui.consent.models import Grant, GrantEvent, Resident
from tanpuhui.consent.refusals import (
    AccountClosed,
    BackInTime,
    CannotFollow,
    OtherConsent,
    UnknownGiver,
    UnknownGrant,
)
from tanpuhui.consent.show import describe
from tanpuhui.consent.supersede import supersede
from tanpuhui.consent.terms import Terms
from tanpuhui.consent.withdraw import pause, resume, withdraw

pytestmark = pytest.mark.django_db

OVER = datetime(2027, 3, 2, 9, 0, tzinfo=SHANGHAI)


def states(grant: int) -> list[str]:
    return list(GrantEvent.objects.filter(grant=grant).order_by("seq").values_list("state", flat=True))


def test_withdrawing_takes_one_step_as_giving_does() -> None:
    grant = metro_grant()

    withdraw(grant.pk, at=LATER, method="app")

    assert states(grant.pk) == ["ConsentGiven", "Withdrawn"]


def test_withdrawing_one_grant_leaves_every_other_and_the_account() -> None:
    account = adult()
    metro, bike = metro_grant(account), metro_grant(account, provider="bike_app")
    bank, neighbour = metro_grant(account, purpose="disclosure", recipient="bank"), metro_grant()
    before = {grant.pk: describe(grant, at=LATER) for grant in (bike, bank, neighbour)}

    withdraw(metro.pk, at=LATER, method="app")

    assert {grant.pk: describe(grant, at=LATER) for grant in (bike, bank, neighbour)} == before
    assert Resident.objects.get(pk=account).closed_at is None
    assert isinstance(allows(account, "bike_app", "metro_trip", **ACT, at=LATER), Allowed)


@pytest.mark.parametrize("verb", [pause, resume, withdraw])
def test_nothing_follows_a_withdrawal(verb: Callable[..., None]) -> None:
    grant = metro_grant().pk
    withdraw(grant, at=AT, method="app")

    with pytest.raises(CannotFollow, match="has ended"):
        verb(grant, at=LATER, method="app")

    assert states(grant) == ["ConsentGiven", "Withdrawn"]


def test_only_what_is_in_force_is_paused_and_only_what_is_paused_is_resumed() -> None:
    grant = metro_grant().pk

    with pytest.raises(CannotFollow, match="resume what is paused"):
        resume(grant, at=AT, method="app")
    pause(grant, at=AT, method="app")
    with pytest.raises(CannotFollow):
        pause(grant, at=AT, method="app")
    resume(grant, at=AT, method="app")

    assert states(grant) == ["ConsentGiven", "Paused", "Resumed"]


@pytest.mark.parametrize("verb", [pause, withdraw])
def test_no_step_lies_before_the_last_one(verb: Callable[..., None]) -> None:
    grant = metro_grant().pk

    with pytest.raises(BackInTime):
        verb(grant, at=AT - timedelta(microseconds=1), method="app")


def test_an_unknown_grant_and_an_unknown_giver_are_refused() -> None:
    with pytest.raises(UnknownGrant):
        withdraw(1, at=AT, method="app")
    with pytest.raises(UnknownGrant):
        withdraw(2**80, at=AT, method="app")
    with pytest.raises(UnknownGiver):
        withdraw(metro_grant().pk, at=AT, by="szt", method="app")


@pytest.mark.django_db(transaction=True)
def test_of_many_withdrawals_at_once_one_is_written() -> None:
    grant = metro_grant().pk

    def attempt() -> None:
        with transaction.atomic():
            withdraw(grant, at=LATER, method="app")

    results = in_parallel([attempt] * 8)

    assert results.count(None) == 1
    assert sum(isinstance(result, CannotFollow) for result in results) == 7
    assert states(grant) == ["ConsentGiven", "Withdrawn"]


def test_a_change_is_a_new_grant_that_ends_the_old_one() -> None:
    old = metro_grant()

    new = supersede(old.pk, replace(METRO, kinds=("bus_trip",)), at=LATER, method="app")

    assert (new.supersedes_id, new.artefact["supersedes"], new.kinds) == (old.pk, old.pk, ["bus_trip"])
    assert (states(old.pk), states(new.pk)) == (["ConsentGiven", "Superseded"], ["ConsentGiven"])
    assert Grant.objects.get(pk=old.pk).kinds == ["metro_trip"]
    with pytest.raises(CannotFollow):
        supersede(old.pk, METRO, at=LATER, method="app")


@pytest.mark.parametrize(
    "terms",
    [
        Terms("bike_app", ("metro_trip",)),
        Terms("szt", ("metro_trip",), purpose="disclosure", recipient="bank"),
    ],
)
def test_another_provider_recipient_or_purpose_is_no_change_but_another_consent(terms: Terms) -> None:
    old = metro_grant()

    with pytest.raises(OtherConsent):
        supersede(old.pk, terms, at=LATER, method="app")

    assert states(old.pk) == ["ConsentGiven"]


def test_what_time_has_ended_is_written_down_as_of_when_it_ended() -> None:
    over, paused, withdrawn = metro_grant(), metro_grant(), metro_grant()
    pause(paused.pk, at=LATER, method="app")
    withdraw(withdrawn.pk, at=LATER, method="app")
    assert expire(at=OVER - timedelta(microseconds=1)) == 0

    assert (expire(at=OVER), expire(at=OVER)) == (2, 0)

    event = over.events.get(state="Expired")
    assert (event.at, event.by) == (OVER, "platform")
    assert states(paused.pk)[-1] == "Expired"
    assert states(withdrawn.pk)[-1] == "Withdrawn"


def test_after_a_grant_has_expired_a_new_one_is_given_whether_or_not_it_was_written_down() -> None:
    grant = metro_grant()

    assert describe(grant, at=OVER)["state"] == "Expired"
    assert give(grant.resident_id, METRO, at=OVER, method="app").begins_at == OVER


def test_leaving_ends_every_grant_and_the_gate_knows() -> None:
    account = adult()
    grants = [metro_grant(account), metro_grant(account, provider="bike_app")]

    ended = close_account(account, at=LATER, method="app")

    assert ended == 2
    assert {states(grant.pk)[-1] for grant in grants} == {"Terminated"}
    assert allows(account, "szt", "metro_trip", **ACT, at=LATER) is Reason.WITHDRAWN
    with pytest.raises(AccountClosed):
        close_account(account, at=LATER, method="app")


def test_every_step_names_its_evidence() -> None:
    grant = metro_grant()
    withdraw(grant.pk, at=LATER, method="app")

    given, taken = GrantEvent.objects.filter(grant=grant).order_by("seq")

    assert given.evidence_hash == grant.digest
    assert taken.evidence_hash.startswith("sha256:")
    assert given.evidence_hash != taken.evidence_hash
