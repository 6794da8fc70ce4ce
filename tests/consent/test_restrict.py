"""While somebody's data is restricted nothing is done with it but keeping, and what was paused goes on afterwards."""

from __future__ import annotations

import pytest

from consent.people import ACT, AT, LATER, METRO, adult, metro_grant
from disclosure.people import consent
from tanpuhui.consent import gate
from tanpuhui.consent.ask import agree, ask
from tanpuhui.consent.give import give
from tanpuhui.consent.refusals import Restricted
from tanpuhui.consent.restrict import is_restricted, lift, restrict
from tanpuhui.consent.show import standings
from tanpuhui.consent.state import State
from tanpuhui.consent.terms import Terms
from tanpuhui.consent.withdraw import pause, resume, withdraw
from tanpuhui.disclosure.hand_over import hand_over
from tanpuhui.disclosure.look import look
from tanpuhui.disclosure.refusals import NothingToHandOver
from tanpuhui.kit.refusal import Refusal
from tanpuhui.quantify.jurisdiction import load_jurisdiction

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]


def states(account: int) -> list[State]:
    return [one.state for one in standings(account, at=LATER)]


def test_everything_in_force_is_paused_and_goes_on_when_it_is_lifted() -> None:
    account = adult()
    metro, bank = metro_grant(account), consent(account=account)
    bikes = give(account, Terms("bike_app", ("bike_trip",)), at=AT, method="test")
    pause(bikes.pk, at=AT, method="web")
    code, _ = hand_over(account, bank.pk, at=AT)

    assert restrict(account, at=LATER) == 2
    assert restrict(account, at=LATER) == 0

    assert is_restricted(account)
    assert states(account) == [State.PAUSED] * 3
    assert gate.allows(account, "szt", "metro_trip", **ACT, at=LATER) is gate.Reason.WITHDRAWN
    with pytest.raises(Refusal):
        look(code, "bank", jurisdiction=load_jurisdiction("demo"), at=LATER)
    with pytest.raises(NothingToHandOver):
        hand_over(account, bank.pk, at=LATER)

    assert lift(account, at=LATER) == 2
    assert lift(account, at=LATER) == 0
    assert not is_restricted(account)
    assert states(account) == [State.PAUSED, State.RESUMED, State.RESUMED]
    assert isinstance(gate.allows(account, "szt", "metro_trip", **ACT, at=LATER), gate.Allowed)
    assert metro.pk < bank.pk


def test_nothing_can_be_given_resumed_or_agreed_to_meanwhile_and_all_can_be_taken_back() -> None:
    account, other = adult(), adult()
    grant = metro_grant(account)
    asked = ask(account, Terms("bike_app", ("bike_trip",)), at=AT, method="test")
    restrict(account, at=AT)

    for verb in (
        lambda: resume(grant.pk, at=LATER, method="web"),
        lambda: agree(asked.pk, at=LATER, method="web"),
        lambda: give(account, Terms("ev_sessions", ("ev_charge",)), at=LATER, method="web"),
    ):
        with pytest.raises(Restricted):
            verb()
    withdraw(grant.pk, at=LATER, method="web")
    give(other, METRO, at=LATER, method="web")

    assert lift(account, at=LATER) == 0
