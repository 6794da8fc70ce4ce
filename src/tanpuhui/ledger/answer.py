"""An answer: what the ledger said to an order, the same for every repeat of its key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.span import span
from tanpuhui.ledger.connection import Connection, fetch_one
from tanpuhui.ledger.refusals import KeyReused, refusal_from


@dataclass(frozen=True)
class Answer:
    """A posted (or held) order with its id, or a refused one with its refusal.

    A refusal is stored with the order, so that a repeat of the key meets the same answer. The caller therefore
    commits, and then calls :meth:`accepted`.
    """

    id: int
    state: str
    refusal: Refusal | None
    repeated: bool

    def accepted(self) -> int:
        """The id of the transaction or hold; raises the refusal of a refused one."""
        if self.refusal is not None:
            raise self.refusal
        return self.id


def ask(connection: Connection, key: str, digest: str, query: str, parameters: list[Any]) -> Answer:
    """Call a function that returns ``ledger_answer``; the same key with other content is refused."""
    columns = (
        "(answer).id, (answer).state, (answer).refusal::text, (answer).content_digest, (answer).repeated"
    )
    asked = f"SELECT {columns} FROM (SELECT {query} AS answer OFFSET 0) call"
    with span("ledger.post", {"tanpuhui.verb": query.partition("(")[0]}):
        row = fetch_one(connection, asked, parameters)
    tx_id, state, stored, known_digest, repeated = row
    if known_digest != digest:
        raise KeyReused(key=key)
    return Answer(tx_id, state, refusal_from(json.loads(stored)) if stored else None, repeated)
