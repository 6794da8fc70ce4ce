"""The connection a verb works on: Django's or psycopg's; the caller opens and closes the transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from tanpuhui.ledger.refusals import InFiles, Insufficient, OnlyGrows, Unbalanced


class Connection(Protocol):
    """What ``django.db.connection`` and ``psycopg.Connection`` have in common."""

    def cursor(self) -> Any:
        """A cursor with ``execute``, ``fetchone``, ``fetchall`` and, for batches, ``copy``."""


@contextmanager
def refusing() -> Iterator[None]:
    """Turn the ledger's own SQLSTATEs (class TL) into refusals; let every other error pass."""
    try:
        yield
    except Exception as error:
        cause: Any = error if hasattr(error, "sqlstate") else error.__cause__
        state = getattr(cause, "sqlstate", None)
        if state == "TL001":
            raise Insufficient(**_facts(cause.diag.message_detail)) from error
        if state == "TL002":
            raise Unbalanced(reason=cause.diag.message_primary) from error
        if state == "TL003":
            raise OnlyGrows(reason=cause.diag.message_primary) from error
        if state == "TL005":
            raise InFiles(**_facts(cause.diag.message_detail)) from error
        raise


def _facts(detail: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(detail)
    return facts


def fetch_one(connection: Connection, query: str, parameters: list[Any]) -> Any:
    """The first row of a query, or ``None``; the ledger's errors come as refusals."""
    with refusing(), connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()
