"""Random histories of whole tonnes: numbers tile their lots and agree with the milligrams after every step."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from registry.units_town import ACME, AT, BOLT, ON, POOL, gathered, key, new_lot, order
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.invariants import exceptions
from tanpuhui.registry.annul import annul
from tanpuhui.registry.buffer import BufferOrder, fill_buffer, pay_from_buffer
from tanpuhui.registry.cancel import cancel
from tanpuhui.registry.claw_back import ClawBackOrder, claw_back
from tanpuhui.registry.lock import lock, retire_locked, unlock
from tanpuhui.registry.models import Lot
from tanpuhui.registry.pool import deliver
from tanpuhui.registry.reconcile import INVARIANTS
from tanpuhui.registry.retire import retire
from tanpuhui.registry.states import states_of
from tanpuhui.registry.transfer import transfer_units

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

WHICH = st.integers(0, 1)
TONNES = st.integers(0, 7)
COMPANY = st.sampled_from([ACME, BOLT])


class Units(RuleBasedStateMachine):
    """Two lots of 12 and 9 t; every verb, within what there is and beyond it. What is refused changes nothing."""

    @initialize()
    def lots(self) -> None:
        self.savepoint = transaction.savepoint()
        self.codes = [new_lot(12), new_lot(9)]
        self.tonnes = {self.codes[0]: 12, self.codes[1]: 9}
        self.locks: list[tuple[int, int]] = []

    def attempt(self, verb: Any) -> Any:
        try:
            with transaction.atomic():
                return verb()
        except Refusal:
            return None

    @rule(which=WHICH, tonnes=TONNES)
    def gather(self, which: int, tonnes: int) -> None:
        self.attempt(lambda: gathered(self.codes[which], tonnes))

    @rule(which=WHICH, tonnes=TONNES, company=COMPANY)
    def deliver(self, which: int, tonnes: int, company: int) -> None:
        self.attempt(lambda: deliver(order(POOL, (self.codes[which], tonnes)), to=company, at=AT))

    @rule(which=WHICH, tonnes=TONNES, company=COMPANY)
    def transfer(self, which: int, tonnes: int, company: int) -> None:
        to = BOLT if company == ACME else ACME
        self.attempt(lambda: transfer_units(order(company, (self.codes[which], tonnes)), to=to, at=AT))

    @rule(which=WHICH, tonnes=TONNES, company=COMPANY)
    def retire(self, which: int, tonnes: int, company: int) -> None:
        self.attempt(lambda: retire(order(company, (self.codes[which], tonnes)), at=AT))

    @rule(which=WHICH, tonnes=TONNES, company=COMPANY)
    def cancel(self, which: int, tonnes: int, company: int) -> None:
        self.attempt(lambda: cancel(order(company, (self.codes[which], tonnes), reason="wrong"), at=AT))

    @rule(first=TONNES, second=TONNES, company=COMPANY)
    def lock(self, first: int, second: int, company: int) -> None:
        wanted = [(code, t) for code, t in zip(self.codes, (first, second), strict=True) if t]
        locked = self.attempt(lambda: lock(order(company, *wanted), at=AT))
        if locked:
            self.locks.append((locked.hold, company))

    @rule(which=st.integers(0, 5), used=st.booleans())
    def end_lock(self, which: int, used: bool) -> None:
        if not self.locks:
            return
        hold, company = self.locks[which % len(self.locks)]
        if used:
            self.attempt(lambda: retire_locked(hold, order(company), at=AT))
        else:
            self.attempt(lambda: unlock(hold, key=key(), order=order(company), at=AT))

    @rule(which=WHICH, amount_mg=st.integers(1, 3 * TONNE_MG))
    def fill(self, which: int, amount_mg: int) -> None:
        self.attempt(
            lambda: fill_buffer(BufferOrder(key(), self.codes[which], amount_mg, ON), pool=POOL, at=AT)
        )

    @rule(which=WHICH, amount_mg=st.integers(1, 3 * TONNE_MG))
    def pay(self, which: int, amount_mg: int) -> None:
        pay = BufferOrder(key(), self.codes[which], amount_mg, ON)
        self.attempt(lambda: pay_from_buffer(pay, reason="fraud", at=AT))

    @rule(which=WHICH, resident=st.integers(1, 3), amount_mg=st.integers(1, 5 * TONNE_MG))
    def claw_back(self, which: int, resident: int, amount_mg: int) -> None:
        self.attempt(
            lambda: claw_back(ClawBackOrder(key(), resident, self.codes[which], amount_mg, ON), at=AT)
        )

    @rule(which=WHICH, sure=st.integers(0, 9))
    def annul(self, which: int, sure: int) -> None:
        if sure == 0:
            self.attempt(lambda: annul(self.codes[which], reason="wrong", at=AT))

    @invariant()
    def nothing_is_found(self) -> None:
        if not hasattr(self, "codes"):
            return
        names = {
            "lot_states_sum_to_what_was_issued",
            "blocks_tile_their_lot",
            "blocks_are_what_the_ledger_has",
        }
        chosen = [one for one in INVARIANTS if one.name in names]
        assert len(chosen) == 3
        assert [finding for one in chosen for finding in exceptions(connection, one)] == []
        for code, tonnes in self.tonnes.items():
            assert states_of(code).total_mg == tonnes * TONNE_MG == Lot.objects.get(pk=code).tonnes * TONNE_MG

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            transaction.savepoint_rollback(self.savepoint)


def test_whatever_happens_to_whole_tonnes_numbers_and_milligrams_agree() -> None:
    run_state_machine_as_test(
        Units,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
