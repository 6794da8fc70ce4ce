"""Units in the console: ranges, moves and certificates for looking at; what is moved or taken out takes two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from console.conftest import Staff, done, look, send
from offsetting.filings import ask, declared
from registry.test_conflicts import HEAD, row
from registry.units_town import AT, gathered, given, new_lot
from tanpuhui.access.models import Approval, AuditEntry
from tanpuhui.access.organise import organise
from tanpuhui.console.models import Job
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import organisation
from tanpuhui.offsetting.models import Reservation
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.registry.buffer import buffer_mg
from tanpuhui.registry.conflicts import import_foreign, scan
from tanpuhui.registry.models import Annulment, Block, ConflictReview
from tanpuhui.registry.states import states_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
WHY = "order 12 of the authority"


@pytest.fixture()
def companies(staff: Staff) -> dict[str, int]:
    """Two companies; the first holds ten tonnes of a lot of twenty."""
    made = {
        code: organisation(organise("company", code, name_zh=code, name_en=code.title(), at=AT).pk)
        for code in ("acme", "bolt")
    }
    given(made["acme"], new_lot(20), 10)
    return made


LOT = "DEMO-000001"


def agreed(staff: Staff, answer: Any) -> Job:
    approval = Approval.objects.latest("asked_at")
    assert f"/console/approvals/{approval.pk}/" in answer.redirect_chain[-1][0]
    return done(send(staff.decider, f"approvals/{approval.pk}/agree", reason="looked at it"))


def test_units_are_transferred_by_two_and_the_trail_says_why(staff: Staff, companies: dict[str, int]) -> None:
    asked = send(staff.asker, f"lots/{LOT}/transfer", company="acme", to="bolt", tonnes="4", reason=WHY)
    assert not Block.objects.filter(owner=companies["bolt"]).exists()

    job = agreed(staff, asked)

    assert (job.kind, job.state) == ("units.transfer", Job.DONE)
    assert job.answer["ranges"][0]["tonnes"] == 4
    assert (
        sum(one.tonnes for one in Block.objects.filter(owner=companies["bolt"], closed_at__isnull=True)) == 4
    )
    assert AuditEntry.objects.get(verb="units.transfer.done").reason == WHY
    for place, code in (("units/", "open"), ("moves/", "transfer")):
        page = look(staff.auditor, place)
        assert "bolt" in page
        # A word, and beside it the code.
        assert f'<code class="beside">{code}</code>' in page


def test_units_are_cancelled_and_a_lot_annulled_by_two(staff: Staff, companies: dict[str, int]) -> None:
    job = agreed(staff, send(staff.asker, f"lots/{LOT}/cancel", company="acme", tonnes="3", reason=WHY))
    assert (job.state, states_of(LOT).cancelled_mg) == (Job.DONE, 3 * TONNE_MG)

    job = agreed(staff, send(staff.asker, f"lots/{LOT}/annul", reason=WHY))

    assert (job.state, Annulment.objects.get().reason) == (Job.DONE, WHY)
    assert LOT in look(staff.auditor, "annulments/")
    refused = send(staff.asker, f"lots/{LOT}/annul", reason=WHY)
    assert refused.status_code == 422


def test_the_buffer_is_filled_and_pays_by_two(staff: Staff, companies: dict[str, int]) -> None:
    lot = new_lot(8)
    gathered(lot, 5)
    agreed(staff, send(staff.asker, f"lots/{lot}/fill-buffer", amount_mg="1500000000", reason=WHY))
    assert buffer_mg(lot) == 1_500_000_000

    agreed(staff, send(staff.asker, f"lots/{lot}/pay-from-buffer", amount_mg="500000000", reason=WHY))

    assert buffer_mg(lot) == 1_000_000_000
    above = send(staff.asker, f"lots/{lot}/pay-from-buffer", amount_mg="1000000001", reason=WHY)
    assert above.status_code == 422
    above = send(staff.asker, f"lots/{lot}/fill-buffer", amount_mg="3500000001", reason=WHY)
    assert above.status_code == 422


@pytest.mark.parametrize(
    ("verb", "form"),
    [
        ("transfer", {"company": "acme", "to": "bolt", "tonnes": "11"}),
        ("transfer", {"company": "acme", "to": "acme", "tonnes": "1"}),
        ("transfer", {"company": "acme", "to": "bolt", "tonnes": "0"}),
        ("cancel", {"company": "bolt", "tonnes": "1"}),
        ("cancel", {"company": "nobody", "tonnes": "1"}),
        ("fill-buffer", {"amount_mg": "1"}),
        ("annul", {"reason": ""}),
    ],
)
def test_what_cannot_be_is_refused_before_anybody_is_asked(
    staff: Staff, companies: dict[str, int], verb: str, form: dict[str, str]
) -> None:
    answer = send(staff.asker, f"lots/{LOT}/{verb}", **{"reason": WHY, **form})

    assert answer.status_code == 422
    assert not Approval.objects.exists()


def test_an_auditor_sees_filings_and_certificates_and_asks_for_nothing(
    staff: Staff, companies: dict[str, int]
) -> None:
    declared(100, company=companies["acme"])
    surrender(ask(4 * TONNE_MG, company=companies["acme"]).pk, key="s", at=AT)

    assert "verification report 1" in look(staff.auditor, "obligations/")
    assert "acme" in look(staff.auditor, "reservations/")
    assert "C000001-95" in look(staff.auditor, "certificates/")
    number = Reservation.objects.get().pk
    assert "DEMO-SHANGHAI.ROOFTOP-PV.1-2026-000000001-000000004" in look(
        staff.auditor, f"reservations/{number}/"
    )
    assert staff.auditor.get(f"/console/lots/{LOT}/annul").status_code == 403


def test_a_conflict_is_reviewed_with_a_reason(
    staff: Staff, companies: dict[str, int], tmp_path: Path
) -> None:
    file = tmp_path / "other.csv"
    file.write_text(HEAD + row(project="demo:shanghai/rooftop-pv@1"), encoding="utf-8")
    with transaction.atomic():
        import_foreign(file, at=AT)
    page = look(staff.asker, "conflicts/")
    assert "same project of origin" in page
    assert "Other" in look(staff.auditor, "foreign-units/")
    [found] = scan()

    answer = send(staff.asker, f"conflicts/{found.id}/review", reason="other roofs")

    assert answer.status_code == 200
    assert ConflictReview.objects.get().reason == "other roofs"
    assert "other roofs" in look(staff.auditor, "conflicts/")
    assert AuditEntry.objects.get(verb="conflict.reviewed").reason == "other roofs"
    assert send(staff.asker, "conflicts/0000000000000000/review", reason="x").status_code == 422
    assert "The register is empty." in look(staff.auditor, "exclusions/")
