"""From surrender to a file that a stranger checks offline: credential, serials, proof of the log, status, paper."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from close.town import Town
from notary.town import ACME, AT, lived
from registry.units_town import given
from tanpuhui.consent.policy import policy
from tanpuhui.copies.certificate import certificate_pdf
from tanpuhui.copies.credential import certificate_credential, credential_file
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.notary import installation
from tanpuhui.notary.enter import enter_all
from tanpuhui.offsetting.certificate import credential_of
from tanpuhui.offsetting.models import Certificate
from tanpuhui.offsetting.voluntary import VoluntaryOrder, retire_voluntarily
from tanpuhui.transparency import verify_certificate
from tanpuhui.transparency.credential_status import publish_lists, revoke
from tanpuhui.transparency.credentials.key import read_issuer
from tanpuhui.transparency.credentials.kinds import RETIREMENT, SURRENDER
from tanpuhui.transparency.credentials.verify import Expected
from tanpuhui.transparency.issuer import lists, metadata_text
from tanpuhui.transparency.log import publish
from tanpuhui.transparency.policy import read_policy
from tanpuhui.transparency.verify import verify_file

NOW = datetime(2026, 3, 20, 9, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def logged() -> None:
    with transaction.atomic():
        enter_all(installation.log(), at=NOW, rows=False)
    publish(installation.log())


def proved(content: bytes) -> list[dict[str, Any]]:
    """What both verifiers say that a file proves, with what is published and nothing else."""
    issuer, policy_text = metadata_text(policy().origin), installation.policy_text()
    tokens = tuple(one.read_text() for one in lists().iterdir())
    expected = Expected(read_issuer(issuer), int(NOW.timestamp()), tokens)
    ours = [one.as_json() for one in verify_file(content, read_policy(policy_text), expected=expected)]
    trusted = {"issuer": issuer, "status_lists": tokens, "at": int(NOW.timestamp())}
    assert verify_certificate.check_file(content, policy_text, None, trusted) == ours
    return ours


def code_of(verb: Callable[[], Any]) -> str:
    with pytest.raises(Refusal) as caught:
        verb()
    return caught.value.code


def test_a_surrender_and_a_voluntary_retirement_are_proved_by_one_file_each_on_paper_too(town: Town) -> None:
    lot = lived(town)
    with transaction.atomic():
        given(ACME, lot.code, 1)
        order = VoluntaryOrder("v", ACME, TONNE_MG, "City marathon", "travel of its runners")
        voluntary = retire_voluntarily(order, town.jurisdiction, at=AT).certificate
    surrender = Certificate.objects.get(sequence=1)
    publish_lists(policy().origin, at=NOW)
    # Before the log has it, the file says that its proof is missing.
    early = certificate_credential(surrender)
    assert early.receipts == ()
    assert code_of(lambda: proved(early.text().encode())) == "credential.log_proof_missing"
    logged()

    first, *receipts = proved(certificate_credential(surrender).text().encode())
    second, *retired = proved(certificate_credential(voluntary).text().encode())

    assert (first["kind"], first["key"], first["record"]["tonnes"]) == (SURRENDER, surrender.number, 2)
    assert [one["kind"] for one in receipts] == ["surrender", "retirement"]
    assert receipts[1]["record"]["serial_first"] == first["record"]["ranges"][0]["serial_first"]
    assert (second["kind"], second["record"]["beneficiary"]) == (RETIREMENT, "City marathon")
    assert [one["record"]["lot"] for one in retired] == [lot.code]
    for language in ("en", "zh-hans"):
        assert proved(certificate_pdf(voluntary, language)) == [second, *retired]
    assert credential_file(credential_of(voluntary)) == certificate_credential(voluntary)

    # The proof of the one does not serve the other.
    mixed = certificate_credential(surrender).with_receipts(*certificate_credential(voluntary).receipts)
    assert code_of(lambda: proved(mixed.text().encode())) == "credential.log_proof_other"

    # What is revoked is refused by whoever has the newest list, on paper too.
    revoke(credential_of(voluntary), reason="the marathon was called off", by="operator", at=NOW)
    publish_lists(policy().origin, at=NOW)
    for content in (certificate_credential(voluntary).text().encode(), certificate_pdf(voluntary, "en")):
        assert code_of(lambda content=content: proved(content)) == "credential.revoked"  # type: ignore[misc]
    assert proved(certificate_credential(surrender).text().encode())


def test_a_pdf_with_no_credential_in_it_or_with_two_proves_nothing(town: Town) -> None:
    lived(town)
    publish_lists(policy().origin, at=NOW)
    paper = certificate_pdf(Certificate.objects.get(sequence=1), "en")
    other = zlib.compress(json.dumps({"payload": "x", "protected": "y"}).encode())

    for wrong in (
        b"%PDF-1.7\n",
        paper + b"\nstream\n" + other + b"\nendstream",
        re.sub(b"stream", b"strean", paper),
    ):
        assert code_of(lambda wrong=wrong: proved(wrong)) == "transparency.file_unreadable"  # type: ignore[misc]
