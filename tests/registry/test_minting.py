"""Minting: with SQL of its own the application issues nothing without a close and certifies nothing without a lot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import Error, connection, transaction

from close.town import PV_MG_PER_WH, TAKEN_AT, Town, act, posted_lines
from registry.test_closes import FIRST, SECOND, lot_of
from tanpuhui.close.inputs import standing_manifest
from tanpuhui.close.models import Manifest
from tanpuhui.ledger.account import KIND_BITS, LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import ISSUANCE, post_batch
from tanpuhui.ledger.reverse import reverse
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.certify import TONNE_MG
from tanpuhui.registry.models import Lot
from tanpuhui.registry.reconcile import reconcile

PENDING = "pending:shanghai/rooftop-pv@1:2026"
OWED = "owed:shanghai/rooftop-pv@1:2026"
FORGED = "sha256:f0"
DAY = date(2026, 3, 4)


@pytest.fixture()
def town(transactional_db: None, fresh_home: Path, library: Library) -> Town:
    """A town whose transactions really commit. A roof of 3 MWh makes 1.26 t: a and b have one, and the lot two tonnes.

    A roof of b on the next day is closed after the lot: b has 0.26 + 1.26 t pending, and a 0.26 t.
    """
    town = Town(fresh_home, library, load_jurisdiction("demo"), buckets=1)
    town.settle("ab")
    town.take(*(act("rooftop_pv_output", person, person, energy_wh=3_000_000) for person in "ab"))
    town.close(FIRST)
    with transaction.atomic():
        assert lot_of(town).tonnes == 2
    town.take(act("rooftop_pv_output", "next", "b", day=SECOND, energy_wh=3_000_000))
    town.close(SECOND)
    return town


@contextmanager
def as_application() -> Iterator[None]:
    """One transaction of the application's role."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE tanpuhui_app")
        yield


def issue(
    amount_mg: int,
    *,
    key: str = f"close:{FORGED}",
    asset: str = PENDING,
    kind: Kind = Kind.RESIDENT_PENDING,
    counter: int = ISSUANCE,
    on: date = DAY,
    reason: str = "close",
    manifest: str = FORGED,
) -> None:
    """Post to account 1 of a town; from issuance unless told otherwise."""
    columns = (1 << KIND_BITS | kind, get_or_create_asset(connection, asset).id, amount_mg, 0, 0)
    post_batch(
        connection,
        key=key,
        manifest=manifest,
        reason=reason,
        effective_on=on,
        legs=Legs(*(np.array([column], np.int64) for column in columns)),
        counter=counter,
        at=TAKEN_AT,
    )


def forge(credited_mg: int, *, said_mg: int | None = None, day: date = DAY, **columns: Any) -> None:
    """A manifest that nobody computed, written by hand after the one of the town's day."""
    real = standing_manifest(FIRST)
    assert real is not None
    said = credited_mg if said_mg is None else said_mg
    body = real.body | {
        "inputs": real.body["inputs"] | {"day": day.isoformat()},
        "outputs": [{"bucket": 0, "rows": 1, "credited_mg": said}],
        "credited_mg": said,
        "previous": None,
    }
    given = {"sequence": 1, "body": body, "credited_mg": credited_mg} | columns
    Manifest.objects.create(digest=FORGED, day=day, as_of=TAKEN_AT, activities=1, posted_at=TAKEN_AT, **given)


def take_out(source: Kind, target: Kind, *, asset: str = PENDING, amount_mg: int = 5) -> None:
    """A single transfer between accounts of the ledger itself and account 1."""
    number = {kind: account_id(kind, 1) for kind in Kind}
    own = {kind: account_id(kind, LEDGER_ITSELF) for kind in (Kind.ISSUANCE, Kind.CLAWBACK, Kind.CERTIFYING)}
    legs = move(
        source=own.get(source, number[source]),
        target=own.get(target, number[target]),
        asset_id=get_or_create_asset(connection, asset).id,
        amount=amount_mg,
    )
    transfer(connection, TransferOrder("forged", "gift", DAY, legs), at=TAKEN_AT).accepted()


def reverse_a_credit() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM ledger_transaction WHERE reason = 'close' ORDER BY id DESC LIMIT 1")
        (number,) = cursor.fetchone()
    transfer_back = reverse(connection, number, key="back", reason="gift", effective_on=DAY, at=TAKEN_AT)
    transfer_back.accepted()


def issue_and_forge(issued_mg: int, credited_mg: int, *, asset: str = PENDING, **forged: Any) -> None:
    issue(issued_mg, asset=asset)
    forge(credited_mg, **forged)


def later_close_of_the_day(previous: str | None) -> None:
    """A second close of the town's day, 1 mg more than the 2.52 t of the first."""
    real = standing_manifest(FIRST)
    assert real is not None
    credited_mg = real.credited_mg + 1
    body = real.body | {
        "outputs": [{"bucket": 0, "rows": 1, "credited_mg": credited_mg}],
        "credited_mg": credited_mg,
        "previous": previous,
    }
    issue(1, on=FIRST)
    Manifest.objects.create(
        digest=FORGED,
        day=FIRST,
        sequence=2,
        as_of=TAKEN_AT,
        body=body,
        activities=1,
        credited_mg=credited_mg,
        posted_at=TAKEN_AT,
    )


ISSUES: dict[str, Callable[[], None]] = {
    "a transfer from issuance": lambda: take_out(Kind.ISSUANCE, Kind.RESIDENT_PENDING),
    "a transfer from what was clawed back": lambda: take_out(Kind.CLAWBACK, Kind.RESIDENT_PENDING),
    "what is owed, from issuance": lambda: take_out(Kind.ISSUANCE, Kind.RESIDENT_OWED, asset=OWED),
    "a batch without a manifest": lambda: issue(5),
    "a batch under another key": lambda: issue(5, key="gift"),
    "a manifest without a batch": lambda: forge(0),
    "one milligram more than the manifest says": lambda: issue_and_forge(6, 5),
    "one milligram less": lambda: issue_and_forge(5, 6),
    "a manifest whose text says less": lambda: issue_and_forge(5, 5, said_mg=4),
    "a manifest of another day than its batch": lambda: issue_and_forge(5, 5, day=date(2026, 3, 5)),
    "a second close without a first": lambda: issue_and_forge(5, 5, sequence=2),
    "a manifest of another year's reductions": lambda: issue_and_forge(
        5, 5, asset=PENDING.replace("2026", "2025")
    ),
    "a second close that follows nothing": lambda: later_close_of_the_day(None),
    "the reversal of a credit": reverse_a_credit,
    "points' liability for reductions": lambda: issue(5, counter=account_id(Kind.POINTS_LIABILITY, 7)),
    "an issuance account of somebody else": lambda: issue(5, counter=account_id(Kind.ISSUANCE, 9)),
}


def test_what_no_close_issued_is_refused_at_commit(town: Town, subtests: pytest.Subtests) -> None:
    """In one town: what is refused leaves it as it was."""
    manifests, lines = Manifest.objects.count(), posted_lines()

    for name, issued in ISSUES.items():
        with subtests.test(name):
            with pytest.raises(Error, match="issued by closing a day"), as_application():
                issued()

            assert (Manifest.objects.count(), posted_lines()) == (manifests, lines)
    assert check(connection) == [] and reconcile(connection) == []


def test_nothing_is_forgiven_to_who_has_it_judged_early(town: Town) -> None:
    """A batch is judged together with its manifest; whatever comes afterwards is judged again."""
    with pytest.raises(Error, match="issued by closing a day"), as_application():
        issue_and_forge(5, 5)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS close_judge_total, close_judge_manifest IMMEDIATE")
        take_out(Kind.ISSUANCE, Kind.RESIDENT_PENDING)


def lot_by_hand(tonnes: int, *, issued_mg: int, crossed_mg: int, **columns: Any) -> None:
    """A lot of account 2's roof, written by hand after the town's first one."""
    code, owner = "DEMO-000002", 2 << KIND_BITS
    first = Lot.objects.get(pk="DEMO-000001")
    Lot.objects.create(
        **{
            **{field.name: getattr(first, field.name) for field in Lot._meta.fields},
            "code": code,
            "tonnes": tonnes,
            "serial_first": 3,
            "serial_last": 2 + tonnes,
        }
        | columns
    )
    for asset, kind, amount_mg, counter in (
        (PENDING, Kind.RESIDENT_PENDING, -crossed_mg, Kind.CERTIFYING),
        (f"lot:{code}", Kind.RESIDENT_CERTIFIED, issued_mg, Kind.ISSUANCE),
    ):
        values = (owner | kind, get_or_create_asset(connection, asset).id, amount_mg, 0, 0)
        if amount_mg:
            post_batch(
                connection,
                key=f"certify:{code}:{kind.name.lower()}",
                manifest=FORGED,
                reason="certify",
                effective_on=FIRST,
                legs=Legs(*(np.array([value], np.int64) for value in values)),
                counter=account_id(counter, LEDGER_ITSELF),
                at=TAKEN_AT,
            )


LOTS: dict[str, Callable[[], None]] = {
    "a lot that took nothing": lambda: lot_by_hand(1, issued_mg=0, crossed_mg=0),
    "certified reductions without a lot": lambda: take_out(
        Kind.ISSUANCE, Kind.RESIDENT_CERTIFIED, asset="lot:NOBODY"
    ),
    "more of a lot that is there": lambda: take_out(
        Kind.ISSUANCE, Kind.RESIDENT_CERTIFIED, asset="lot:DEMO-000001"
    ),
    "a lot that took too little out of pending": lambda: lot_by_hand(
        1, issued_mg=TONNE_MG, crossed_mg=TONNE_MG - 1
    ),
    "a milligram more than its tonnes": lambda: lot_by_hand(1, issued_mg=TONNE_MG + 1, crossed_mg=TONNE_MG),
    "serial numbers with a gap": lambda: lot_by_hand(
        1, issued_mg=TONNE_MG, crossed_mg=TONNE_MG, serial_first=4, serial_last=4
    ),
    "a close that is not there": lambda: lot_by_hand(
        1, issued_mg=TONNE_MG, crossed_mg=TONNE_MG, manifests=[FORGED]
    ),
    "another methodology's pending": lambda: lot_by_hand(
        1, issued_mg=TONNE_MG, crossed_mg=TONNE_MG, methodology="shenzhen/metro@1"
    ),
    "what a lot took, given back": lambda: take_out(Kind.CERTIFYING, Kind.RESIDENT_PENDING),
    "pending that crosses to no lot": lambda: take_out(Kind.RESIDENT_PENDING, Kind.CERTIFYING),
}


def test_what_no_lot_certified_is_refused_at_commit(town: Town, subtests: pytest.Subtests) -> None:
    """In one town: what is refused leaves it as it was."""
    lines = posted_lines()

    for name, certified in LOTS.items():
        with subtests.test(name):
            with pytest.raises(Error, match="certified by making a lot"), as_application():
                certified()

            assert (Lot.objects.count(), posted_lines()) == (1, lines)
    assert check(connection) == [] and reconcile(connection) == []


def test_no_lot_by_hand_takes_more_than_what_closes_credit(town: Town) -> None:
    """a's roof is retracted: of three roofs two stand, 2.52 t, and b has 1.52 t pending; two tonnes are certified."""
    town.take(act("rooftop_pv_output", "a", "a", revision=1, action="retract"))
    assert town.close(FIRST, reopen=True).credited_mg == 3_000_000 * PV_MG_PER_WH
    refusal = "all lots take 3000000000 mg, all closes credit 2520000000 mg"

    with pytest.raises(Error, match=refusal), as_application():
        lot_by_hand(1, issued_mg=TONNE_MG, crossed_mg=TONNE_MG)


def test_the_application_itself_closes_and_certifies(town: Town) -> None:
    town.take(act("rooftop_pv_output", "d", "a", hour=11, energy_wh=3_000_000))
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE tanpuhui_app")
    try:
        town.close(FIRST, reopen=True)
        town.close(SECOND)
        with transaction.atomic():
            # Four roofs of 1.26 t are 5.04 t, less two.
            assert lot_of(town).tonnes == 3
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")

    assert check(connection) == [] and reconcile(connection) == []
