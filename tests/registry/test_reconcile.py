"""Reconcile: a credit that no close gave, and a lot that nobody certified, are found."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from django.db import connection

from close.town import TAKEN_AT, Town, act, metro
from registry.test_closes import FIRST, lot_of
from tanpuhui.ledger.account import LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import post_batch
from tanpuhui.registry.models import Lot
from tanpuhui.registry.reconcile import reconcile

PENDING = "pending:shenzhen/metro@1:2026"


@pytest.fixture()
def account(town: Town) -> int:
    """A roof with a lot of one tonne and 0.26 t pending, and a metro trip of 467 g; closed twice."""
    account = town.settle("a")["a"]
    town.take(act("rooftop_pv_output", "1", "a", energy_wh=3_000_000))
    town.close(FIRST)
    town.take(metro("2", "a", 10_000))
    town.close(FIRST)
    lot_of(town)
    return account


def post(account: int, asset: str, amount_mg: int, counter: Kind = Kind.ISSUANCE) -> None:
    """A posting that keeps every rule of the ledger and has neither close nor lot behind it."""
    post_batch(
        connection,
        key="close:sha256:0",
        manifest="sha256:0",
        reason="close",
        effective_on=date(2026, 3, 2),
        legs=Legs(
            *(
                np.array([value], np.int64)
                for value in (account, get_or_create_asset(connection, asset).id, amount_mg, 0, 0)
            )
        ),
        counter=account_id(counter, LEDGER_ITSELF),
        at=TAKEN_AT,
    )


def found() -> list[tuple[str, str]]:
    return [(finding.invariant, finding.found) for finding in reconcile(connection)]


def test_closes_lots_and_ledger_agree(town: Town, account: int) -> None:
    assert found() == []


@pytest.mark.parametrize("counter", [Kind.ISSUANCE, Kind.POINTS_LIABILITY])
def test_a_milligram_that_no_close_credited_is_found(town: Town, account: int, counter: Kind) -> None:
    post(account_id(Kind.RESIDENT_PENDING, account), PENDING, 1, counter)

    # 3 MWh are 1.26 t, ten kilometres 467 g.
    assert found() == [
        ("closes_are_what_is_pending", "closes credited 1260467000 mg, the ledger issued 1260467001 mg")
    ]


@pytest.mark.parametrize(("code", "tonnes"), [("DEMO-000001", 1), ("NOBODY-1", 0)])
def test_a_certified_milligram_without_a_lot_is_found(
    town: Town, account: int, code: str, tonnes: int
) -> None:
    post(account_id(Kind.RESIDENT_CERTIFIED, account), f"lot:{code}", 5)

    issued = tonnes * 1_000_000_000 + 5
    states = [("lot_states_sum_to_what_was_issued", f"{tonnes} tonnes, {issued} mg in all states")]
    assert found() == [
        ("lots_are_what_is_certified", f"{tonnes} tonnes, the ledger issued {issued} mg"),
        *(states if tonnes else []),
        ("blocks_are_what_the_ledger_has", f"blocks have {tonnes} t, the ledger has {issued} mg"),
    ]


def test_a_lot_that_took_nothing_is_found(town: Town, account: int) -> None:
    lot = Lot.objects.get()
    lot.code, lot.serial_first, lot.serial_last = "DEMO-000002", 2, 2
    lot.save(force_insert=True)

    assert [invariant for invariant, _ in found()] == [
        "lots_are_what_is_certified",
        "lots_are_what_left_pending",
        "lot_states_sum_to_what_was_issued",
        "blocks_are_what_the_ledger_has",
    ]
