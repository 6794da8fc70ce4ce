"""Capture: take what a hold set aside, or part of it, to other accounts; the rest is free again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.answer import Answer, ask
from tanpuhui.ledger.connection import Connection


@dataclass(frozen=True)
class Take:
    """An amount (1 or more) taken from one line of a hold to an account."""

    line: int
    target: int
    amount: int
    ref: int = 0
    code: int = 0


@dataclass(frozen=True)
class CaptureOrder:
    """A capture to post once, under its key. One hold is captured once, in one transaction."""

    key: str
    hold_id: int
    reason: str
    effective_on: date
    takes: tuple[Take, ...]

    def digest(self) -> str:
        """The digest of the content, without the key."""
        takes = [[take.line, take.target, take.amount, take.ref, take.code] for take in self.takes]
        return digest_json(["capture", self.hold_id, self.reason, self.effective_on.isoformat(), takes])


def capture(connection: Connection, order: CaptureOrder, *, at: datetime) -> Answer:
    """Post a capture once; a hold that is closed, over time or smaller is a refused answer."""
    assert order.takes
    assert all(take.amount >= 1 for take in order.takes)
    digest = order.digest()
    parameters = [
        order.key,
        digest,
        order.reason,
        order.effective_on,
        at,
        order.hold_id,
        [take.line for take in order.takes],
        [take.target for take in order.takes],
        [take.amount for take in order.takes],
        [take.ref for take in order.takes],
        [take.code for take in order.takes],
    ]
    query = (
        "ledger_capture(%s, %s, %s, %s, %s, %s, %s::integer[], %s::bigint[], %s::bigint[], %s::bigint[],"
        " %s::smallint[])"
    )
    return ask(connection, order.key, digest, query, parameters)
