"""What the database itself refuses of reports and their lots, whoever asks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection

from federation.acts import DAYS, certified, sound
from federation.platforms import Pair
from tanpuhui.federation.inbox import judge
from tanpuhui.federation.peer import get_peer, owner_of
from tanpuhui.registry.models import FarLot, Lot, Reported
from tanpuhui.registry.refusals import BadReport, ReportedTwice
from tanpuhui.registry.report import ReportOrder, report

pytestmark = pytest.mark.django_db


def refused(pair: Pair, verb: Callable[[], Any]) -> str:
    with pair.city.inside():
        from django.db import transaction

        with pytest.raises(DatabaseError) as caught, transaction.atomic():
            verb()
            judge()
    return str(caught.value)


def test_a_report_without_its_batch_is_refused(pair: Pair) -> None:
    def verb() -> None:
        Reported.objects.create(
            key="sha256:1",
            district=owner_of(get_peer("pudong")),
            day=DAYS[0],
            manifest="sha256:2",
            credited_mg=10,
            below_mg=0,
            activities=1,
            lines=[{"credited_mg": 10}],
            reported_at=pair.city.now,
        )

    assert "there is no report and batch of that key" in refused(pair, verb)


def test_a_lot_of_more_than_was_reported_is_refused(pair: Pair) -> None:
    """By hand, with everything that a lot has."""
    lot = certified(pair)

    def verb() -> None:
        row = Lot.objects.get(pk=lot.pk)
        row.pk, row.serial_first, row.serial_last = "SHANGHAI-000002", 5, 8
        row.save(force_insert=True)
        FarLot.objects.create(lot_id=row.pk, home="reported", party="pudong", owner=lot.far.owner)

    with pair.city.inside():
        _ = lot.far
    assert "all lots take 8000000000 mg, all closes credit 4200000000 mg" in refused(pair, verb)
    assert sound(pair.city)


def test_pending_reductions_come_from_a_close_or_a_report_and_from_nothing_else(pair: Pair) -> None:
    from tanpuhui.close.post import pending_asset
    from tanpuhui.ledger.account import Kind, account_id
    from tanpuhui.ledger.transfer import TransferOrder, move, transfer

    def verb() -> None:
        legs = move(
            source=account_id(Kind.ISSUANCE, 0),
            target=account_id(Kind.RESIDENT_PENDING, owner_of(get_peer("pudong"))),
            asset_id=pending_asset("shanghai/rooftop-pv@1", 2026),
            amount=1,
        )
        transfer(connection, TransferOrder("report:mine", "report", DAYS[0], legs), at=pair.city.now)

    assert "close that has no manifest" in refused(pair, verb)


def order(pair: Pair, **change: Any) -> ReportOrder:
    line = {
        "methodology": "shanghai/rooftop-pv@1",
        "digest": "sha256:0",
        "status": "published",
        "credited_mg": 10,
        "below_mg": 0,
        "accounts": 0,
    }
    facts: dict[str, Any] = {
        "key": "sha256:k",
        "district": owner_of(get_peer("pudong")),
        "day": DAYS[1],
        "manifest": "sha256:m",
        "credited_mg": 10,
        "activities": 1,
        "lines": (line,),
    }
    return ReportOrder(**{**facts, **change})


def test_a_report_that_does_not_add_up_is_refused(pair: Pair) -> None:
    with pair.city.inside():
        with pytest.raises(BadReport, match="sum to 10 mg, not 11 mg"):
            report(order(pair, credited_mg=11), at=pair.city.now)
        with pytest.raises(BadReport, match="named twice"):
            report(order(pair, lines=order(pair).lines * 2, credited_mg=20), at=pair.city.now)


def test_one_close_is_reported_by_one_platform(pair: Pair) -> None:
    with pair.city.inside():
        report(order(pair), at=pair.city.now)
        with pytest.raises(ReportedTwice):
            report(
                order(pair, key="sha256:other", district=owner_of(get_peer("guangdong"))), at=pair.city.now
            )


def test_the_same_report_again_does_nothing(pair: Pair) -> None:
    with pair.city.inside():
        first = report(order(pair), at=pair.city.now)
        again = report(order(pair), at=pair.city.now)
        judge()

        assert again == first
        assert Reported.objects.count() == 1
