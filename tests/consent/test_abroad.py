"""Nobody abroad is given anything without a basis for it, and nobody is asked for a purpose that was not assessed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consent.people import metro_grant
from disclosure.people import AT, MINUTE, consent
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import Policy, policy
from tanpuhui.consent.refusals import NotAssessed, NoTransferBasis
from tanpuhui.disclosure.hand_over import hand_over
from tanpuhui.disclosure.look import look
from tanpuhui.quantify.jurisdiction import load_jurisdiction

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]


def with_bank(**changes: Any) -> Policy:
    """The policy with another bank."""
    known = policy()
    return replace(known, parties={**known.parties, "bank": replace(known.parties["bank"], **changes)})


def test_a_recipient_abroad_needs_a_basis_and_then_the_artefact_says_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for basis in ("", "  "):
        abroad = with_bank(region="SG", transfer_basis=basis)
        monkeypatch.setattr("tanpuhui.consent.give.policy", lambda rules=abroad: rules)
        with pytest.raises(NoTransferBasis, match="PIPL article 38"):
            metro_grant(purpose="disclosure", recipient="bank")
    assert not Grant.objects.exists()

    contract = with_bank(region="SG", transfer_basis="standard contract 2026-7")
    monkeypatch.setattr("tanpuhui.consent.give.policy", lambda: contract)
    given = metro_grant(purpose="disclosure", recipient="bank")

    assert given.artefact["recipient"]["region"] == "SG"
    assert given.artefact["recipient"]["transfer_basis"] == "standard contract 2026-7"
    assert "region" not in given.artefact["provider"]


def test_a_recipient_that_has_moved_abroad_since_is_shown_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    grant = consent()
    code, _ = hand_over(grant.resident_id, grant.pk, at=AT)
    monkeypatch.setattr("tanpuhui.disclosure.look.policy", lambda: with_bank(region="SG"))

    with pytest.raises(NoTransferBasis):
        look(code, "bank", jurisdiction=load_jurisdiction("demo"), at=AT + MINUTE)


def test_a_purpose_without_an_assessment_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    known = policy()
    blank = replace(known.purposes["disclosure"], pia_id=" ")
    rules = replace(known, purposes={**known.purposes, "disclosure": blank})
    monkeypatch.setattr("tanpuhui.consent.give.policy", lambda: rules)

    with pytest.raises(NotAssessed):
        metro_grant(purpose="disclosure", recipient="bank")

    assert metro_grant().purpose == "quantification"
