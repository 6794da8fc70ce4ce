"""Transfer many: thousands of two-leg transfers in one call, each once under its own key, each with its answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tanpuhui.kit.span import span
from tanpuhui.ledger.answer import Answer
from tanpuhui.ledger.connection import Connection, refusing
from tanpuhui.ledger.refusals import KeyReused, refusal_from
from tanpuhui.ledger.transfer import TransferOrder, move


@dataclass(frozen=True)
class Move:
    """One amount (1 or more) that goes from an account to another one, under its key."""

    key: str
    source: int
    target: int
    asset_id: int
    amount: int
    ref: int = 0
    code: int = 0


def transfer_many(
    connection: Connection, moves: Sequence[Move], *, reason: str, effective_on: date, at: datetime
) -> list[Answer]:
    """Post each move once; the answers are those that :func:`transfer` would give to them one after the other.

    Too little in an account is the answer to that move alone. A key that is known with other content is refused, and
    then nothing of the call is posted: the caller rolls back. No key comes twice in one call.
    """
    assert len({one.key for one in moves}) == len(moves)
    assert all(one.amount >= 1 and one.source != one.target for one in moves)
    if not moves:
        return []
    digests = [_digest(one, reason, effective_on) for one in moves]
    query = (
        "SELECT id, state, refusal::text, content_digest, repeated FROM ledger_transfer_many("
        "%s::text[], %s::text[], %s, %s, %s, %s::bigint[], %s::bigint[], %s::integer[], %s::bigint[],"
        " %s::bigint[], %s::smallint[])"
    )
    columns = [
        [getattr(one, name) for one in moves]
        for name in ("source", "target", "asset_id", "amount", "ref", "code")
    ]
    parameters = [[one.key for one in moves], digests, reason, effective_on, at, *columns]
    facts: dict[str, str | int] = {"tanpuhui.reason": reason, "tanpuhui.moves": len(moves)}
    with span("ledger.post", facts), refusing(), connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows = cursor.fetchall()
    answers = []
    for one, digest, (tx_id, state, refusal, known_digest, repeated) in zip(
        moves, digests, rows, strict=True
    ):
        if known_digest != digest:
            raise KeyReused(key=one.key)
        answers.append(Answer(tx_id, state, refusal_from(json.loads(refusal)) if refusal else None, repeated))
    return answers


def _digest(one: Move, reason: str, effective_on: date) -> str:
    legs = move(
        source=one.source,
        target=one.target,
        asset_id=one.asset_id,
        amount=one.amount,
        ref=one.ref,
        code=one.code,
    )
    return TransferOrder(one.key, reason, effective_on, legs).digest()
