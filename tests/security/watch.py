"""What the server writes down and keeps while a test runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Set
from contextlib import contextmanager

from django.db import connection
from psycopg import sql

from tanpuhui.web.shared.log import Json, Plain, WithRequestId

#: Tables that looking at a page may change: sessions, and counts of attempts.
BESIDES = frozenset({"session", "django_cache", "evidence_requestcount"})


class Lines(logging.Handler):
    """Every record as both of our formats write it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.addFilter(WithRequestId())
        self.plain: list[str] = []
        self.json: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.plain.append(Plain().format(record))
        self.json.append(Json().format(record))

    @property
    def text(self) -> str:
        return "\n".join((*self.plain, *self.json))

    def of(self, event: str) -> list[str]:
        """The lines of one event."""
        return [line for line in self.plain if f" {event} who=" in line]


@contextmanager
def written() -> Iterator[Lines]:
    """Everything that is written to a log in the meantime, of ours and of the libraries."""
    lines = Lines()
    loggers = [logging.getLogger(name) for name in ("tanpuhui", "django", "allauth", "py.warnings")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(lines)
        logger.setLevel(logging.DEBUG if logger.name != "django" else logging.INFO)
    try:
        yield lines
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(lines)
            logger.setLevel(level)


def kept(*, besides: Set[str] = frozenset()) -> dict[str, str]:
    """A digest of each table but sessions and counts of attempts, and these."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname IN ('public', 'vault') AND c.relkind = 'r' ORDER BY 1, 2"
        )
        digests = [
            sql.SQL(
                "SELECT {}, md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} AS t"
            ).format(sql.Literal(table), sql.Identifier(schema, table))
            for schema, table in cursor.fetchall()
            if table not in BESIDES | besides
        ]
        cursor.execute(sql.SQL(" UNION ALL ").join(digests))
        return dict(cursor.fetchall())
