"""The receipt: every mandatory field of ISO/IEC TS 27560, every step, and it verifies offline."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from consent.people import AT, LATER, METRO, adult, child, metro_grant
from tanpuhui.consent.artefact import public_key, sign, verify_artefact
from tanpuhui.consent.ask import refuse
from tanpuhui.consent.give import give
from tanpuhui.consent.receipt import DPV_STATE, MANDATORY, TYPE, missing_fields, receipt, verify_receipt
from tanpuhui.consent.refusals import ReceiptInvalid, UnknownGrant
from tanpuhui.consent.state import VALID, State
from tanpuhui.consent.withdraw import pause, resume, withdraw

pytestmark = pytest.mark.django_db

FIELDS = [(section, field) for section, fields in MANDATORY.items() for field in fields]


def test_a_receipt_has_every_mandatory_field_and_every_step() -> None:
    grant = metro_grant()
    pause(grant.pk, at=AT, method="app")
    resume(grant.pk, at=AT, method="app")
    withdraw(grant.pk, at=LATER, method="app")

    record = receipt(grant.pk, at=LATER)

    assert missing_fields(record) == []
    assert len(FIELDS) == 23
    assert [event["event_state"].removeprefix("https://w3id.org/dpv#") for event in record["events"]] == [
        "ConsentGiven",
        "ConsentStatusInvalidForProcessing",
        "RenewedConsentGiven",
        "ConsentWithdrawn",
    ]
    assert record["events"][3]["event_time"] == "2026-03-09T01:00:00+00:00"
    assert verify_artefact(record["artefact"])["id"] == grant.pk


def test_only_states_that_may_be_used_are_valid_in_the_words_of_the_standard() -> None:
    valid = {"ConsentGiven", "RenewedConsentGiven"}

    assert {state for state in State if DPV_STATE[state] in valid} == VALID


@pytest.mark.parametrize(("section", "field"), FIELDS)
@pytest.mark.parametrize("how", ["removed", "emptied"])
def test_a_receipt_without_a_mandatory_field_is_refused(section: str, field: str, how: str) -> None:
    record: dict[str, Any] = copy.deepcopy(receipt(metro_grant().pk, at=LATER))
    del record["token"]
    content = record[section][0] if isinstance(record[section], list) else record[section]
    if how == "removed":
        del content[field]
    else:
        content[field] = ""

    assert missing_fields(record) == [f"{section}.{field}"]
    with pytest.raises(ReceiptInvalid, match=f"missing {section}.{field}"):
        verify_receipt(sign(record, TYPE))


@pytest.mark.parametrize("section", MANDATORY)
def test_a_receipt_without_a_section_is_refused(section: str) -> None:
    record = receipt(metro_grant().pk, at=LATER)
    empty = record | {section: [] if isinstance(record[section], list) else {}}

    assert missing_fields(empty) == [f"{section}.{field}" for field in MANDATORY[section]]


def test_a_receipt_verifies_with_the_public_key_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, key = receipt(metro_grant().pk, at=LATER), public_key()
    monkeypatch.setenv("TANPUHUI_HOME", str(tmp_path / "elsewhere"))

    verified = verify_receipt(record["token"], key)

    assert verified == {name: value for name, value in record.items() if name != "token"}
    assert verify_artefact(verified["artefact"], key)["principal"] > 0


def test_a_tampered_receipt_is_refused() -> None:
    header, payload, signature = receipt(metro_grant().pk, at=LATER)["token"].split(".")

    for token in (
        f"{header}.{payload[:-4]}AAAA.{signature}",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        payload,
    ):
        with pytest.raises(ReceiptInvalid):
            verify_receipt(token)


def test_an_artefact_is_no_receipt() -> None:
    with pytest.raises(ReceiptInvalid, match="another kind"):
        verify_receipt(metro_grant().token)


def test_a_no_has_a_receipt_too() -> None:
    grant = refuse(adult(), METRO, at=AT, method="app")

    (event,) = receipt(grant.pk, at=LATER)["events"]

    assert event["event_state"] == "https://w3id.org/dpv#ConsentRefused"


def test_a_receipt_of_a_child_names_the_guardian_s_account_in_the_artefact() -> None:
    account, guardian = child()
    grant = give(account, METRO, at=AT, by="guardian", method="app", guardian=guardian)

    record = receipt(grant.pk, at=LATER)

    assert verify_artefact(record["artefact"])["guardian"] == guardian
    assert record["events"][0]["entity_id"] == "guardian"


def test_there_is_no_receipt_of_a_grant_that_does_not_exist() -> None:
    with pytest.raises(UnknownGrant):
        receipt(1, at=LATER)
