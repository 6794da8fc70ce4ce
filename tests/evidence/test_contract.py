"""Contracts: versions follow one another, none is edited, and none is made without what it needs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from evidence.conftest import NOW
from tanpuhui.evidence import contract
from tanpuhui.evidence.models import Contract

pytestmark = pytest.mark.django_db

TERMS: dict[str, Any] = {
    "format": "generic",
    "kinds": ["bike_trip"],
    "pia_reference": "PIA-2026-7",
    "valid_from": date(2026, 1, 1),
    "made_at": NOW,
}


def test_the_shipped_contracts_are_made_once_and_say_that_they_are_for_trials() -> None:
    assert contract.ensure_default_contracts(at=NOW) == 6
    assert contract.ensure_default_contracts(at=NOW) == 0

    found = {each.provider: each for each in contract.contracts()}
    assert set(found) == {"szt", "ev_sessions", "meter_halfhourly", "waste_weighings", "payments", "generic"}
    assert all(each.pia_reference.startswith("DEMO") for each in found.values())


def test_a_shipped_contract_does_not_take_the_place_of_an_operators_own() -> None:
    contract.add("szt", **TERMS)

    assert contract.ensure_default_contracts(at=NOW) == 5

    assert contract.latest("szt").pia_reference == "PIA-2026-7"


def test_a_change_is_a_new_version_and_the_highest_is_in_force() -> None:
    contract.add("bikes", **TERMS)
    contract.add("bikes", **(TERMS | {"precedence": 3}))

    assert (contract.latest("bikes").version, contract.latest("bikes").precedence) == (2, 3)
    assert Contract.objects.count() == 2


def test_disabling_keeps_everything_else() -> None:
    contract.add("bikes", **TERMS)

    disabled = contract.disable("bikes", at=NOW)

    assert (disabled.version, disabled.enabled, disabled.kinds) == (2, False, ["bike_trip"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"pia_reference": " "},
        {"kinds": []},
        {"kinds": ["flight"]},
        {"repairs": ["guess"]},
        {"precedence": 0},
        {"options": {"zone": "Mars/Olympus"}},
        {"options": {"measures": ["Distance m"]}},
        {"options": {"measures": ["x; DROP TABLE y"]}},
        {"options": {"measures": ["day"]}},
        {"options": {"max_power_w": "25000"}},
        {"options": {"max_power_w": 0}},
        {"options": {"must_balance": True}},
    ],
)
def test_a_contract_without_what_it_needs_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(contract.ContractIncomplete):
        contract.add("bikes", **(TERMS | wrong))

    assert Contract.objects.count() == 0


@pytest.mark.parametrize("provider", ["", "a b", "p" * 61, "x';--", "城市"])
def test_a_provider_code_is_letters_digits_and_dashes(provider: str) -> None:
    with pytest.raises(contract.ContractIncomplete):
        contract.add(provider, **TERMS)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(contract.Refusal) as refused:
        contract.add("bikes", **(TERMS | {"format": "xml"}))

    assert refused.value.code == "evidence.unknown_format"


def test_the_database_itself_refuses_a_contract_without_an_assessment_and_any_change_of_one() -> None:
    made = contract.add("bikes", **TERMS)

    with pytest.raises(IntegrityError), transaction.atomic():
        Contract.objects.create(provider="x", version=1, **(TERMS | {"pia_reference": ""}))
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Contract.objects.filter(pk=made.pk).update(enabled=False)


@pytest.mark.parametrize(
    "table",
    [
        "evidence_contract",
        "evidence_batch",
        "evidence_lakefile",
        "evidence_quarantinedrow",
        "evidence_resolution",
        "vault.subject",
        "vault.subject_link",
    ],
)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_application_role_changes_no_table_of_evidence(table: str, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE tanpuhui_app")

        with pytest.raises(DatabaseError, match="permission denied"):
            cursor.execute(statement.format(table))
