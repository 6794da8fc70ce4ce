"""``tanpuhui account`` and ``tanpuhui grant``: what scripts read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from consent.test_invariants import corrupt
from tanpuhui.cli import account as account_commands
from tanpuhui.cli import grant as grant_commands
from tanpuhui.cli.days import BadDay
from tanpuhui.consent.models import Grant
from tanpuhui.consent.receipt import verify_receipt
from tanpuhui.consent.refusals import BadRange, CannotFollow, GuardianMissing, UnknownGrant, UnknownResident

pytestmark = pytest.mark.django_db


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.fixture()
def account(capsys: pytest.CaptureFixture[str]) -> int:
    assert account_commands.open_(as_json=True) == 0
    (number,) = printed(capsys)["accounts"]
    return int(number)


def test_accounts_are_opened_and_shown(account: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert account_commands.open_(count=3, as_json=True) == 0
    assert len(printed(capsys)["accounts"]) == 3

    assert account_commands.show(account, as_json=True) == 0

    shown = printed(capsys)
    assert (shown["account"], shown["closed_at"], shown["grants"]) == (account, None, 0)


def test_a_child_needs_a_guardian(account: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GuardianMissing):
        account_commands.open_(birth_on="2024-06-01")

    assert account_commands.open_(birth_on="2024-06-01", guardian=account, as_json=True) == 0
    (child,) = printed(capsys)["accounts"]
    with pytest.raises(GuardianMissing):
        grant_commands.give(account=child, provider="szt", kind=["metro_trip"])
    assert grant_commands.give(account=child, provider="szt", kind=["metro_trip"], guardian=account) == 0


def test_a_grant_is_given_paused_resumed_withdrawn_and_shown(
    account: int, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "provider": "szt",
        "kind": ["metro_trip", "bus_trip"],
        "from_": "2018-09-01",
        "until": "2018-09-30",
    }
    assert grant_commands.give(account=account, **given, as_json=True) == 0  # type: ignore[arg-type]
    grant = printed(capsys)
    assert grant["state"] == "ConsentGiven"
    assert grant["kinds"] == ["bus_trip", "metro_trip"]
    assert (grant["acts_from"], grant["acts_to"]) == (
        "2018-08-31T16:00:00+00:00",
        "2018-09-30T16:00:00+00:00",
    )

    states = []
    for verb in (grant_commands.pause, grant_commands.resume, grant_commands.withdraw):
        assert verb(grant["grant"], as_json=True) == 0
        states.append(printed(capsys)["state"])
    assert states == ["Paused", "Resumed", "Withdrawn"]

    assert grant_commands.show(grant["grant"], as_json=True) == 0
    shown = printed(capsys)
    assert [event["state"] for event in shown["events"]] == ["ConsentGiven", "Paused", "Resumed", "Withdrawn"]
    assert verify_receipt(shown["receipt"]["token"])["header"]["record_id"] == f"grant:{grant['grant']}"
    assert grant_commands.show(account=account, as_json=True) == 0
    assert [each["grant"] for each in printed(capsys)] == [grant["grant"]]


def test_people_read_a_table(account: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert grant_commands.give(account=account, provider="szt", kind=["metro_trip"]) == 0

    assert "ConsentGiv" in capsys.readouterr().out


def test_what_is_refused_changes_nothing(account: int) -> None:
    metro = {"provider": "szt", "kind": ["metro_trip"]}
    for refusal, changes in (
        (BadDay, {"from_": "1 September"}),
        (BadRange, {"from_": "2018-09-02", "until": "2018-09-01"}),
        (BadRange, {"from_": "0014-09-01"}),
        (BadRange, {"from_": "0001-01-01"}),
        (BadRange, {"until": "9999-12-31"}),
        (UnknownResident, {"account": 2**63}),
    ):
        with pytest.raises(refusal):
            grant_commands.give(**{"account": account, **metro, **changes})  # type: ignore[arg-type]
    assert not Grant.objects.exists()


def test_a_grant_is_withdrawn_once(account: int) -> None:
    grant_commands.give(account=account, provider="szt", kind=["metro_trip"])
    number = Grant.objects.get().pk
    assert grant_commands.withdraw(number) == 0

    with pytest.raises(CannotFollow):
        grant_commands.withdraw(number)


def test_nothing_is_shown_when_nothing_is_named() -> None:
    with pytest.raises(grant_commands.NothingNamed):
        grant_commands.show()
    with pytest.raises(UnknownGrant):
        grant_commands.show(1)
    with pytest.raises(UnknownResident):
        grant_commands.show(account=1)
    with pytest.raises(UnknownResident):
        account_commands.show(1)


def test_the_check_finds_nothing_or_names_the_grant(account: int, capsys: pytest.CaptureFixture[str]) -> None:
    grant_commands.give(account=account, provider="szt", kind=["metro_trip"], as_json=True)
    number = printed(capsys)["grant"]
    assert grant_commands.check(as_json=True) == 0
    assert printed(capsys) == {"ok": True, "findings": []}

    corrupt(f"UPDATE consent_grant SET provider = 'bike_app' WHERE id = {number}")

    assert grant_commands.check(as_json=True) == 3
    (finding,) = printed(capsys)["findings"]
    assert (finding["table"], finding["key"]) == ("consent_grant", str(number))


def test_the_commands_keep_the_key_in_a_file_of_the_home(fresh_home: Path, account: int) -> None:
    grant_commands.give(account=account, provider="szt", kind=["metro_trip"])

    key = fresh_home / "keys" / "consent-artefacts"
    assert key.stat().st_mode & 0o777 == 0o600
