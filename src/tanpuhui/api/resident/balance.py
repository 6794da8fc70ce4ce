"""Balance: what an account has, by a token, in one look at the database; the address that apps ask most often.

:class:`FastBalance` stands before Django and answers this one address with a connection of its own, prepared once a
thread. It says what the same operation says in :mod:`.app`, where the document and the tests have it too.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tanpuhui.access.resident_scope import parts_of
from tanpuhui.access.token import FORM
from tanpuhui.api.limits import TOKEN, TOKEN_SUBJECT, fields_of, limit
from tanpuhui.evidence.request import minute_of
from tanpuhui.kit.span import span
from tanpuhui.ledger.account import KIND_BITS, Kind

PATH = "/api/v1/resident/balance"
PART = "balance"
#: What a trace says of it.
TRACED = {"http.request.method": "GET", "http.route": PATH.removeprefix("/")}
#: Token, user, account and the account's neighbours in the ledger, and one more request of the token: five looks into
#: indexes, one answer.
_AMOUNTS = ", ".join(
    f"coalesce(sum(b.available + b.held) FILTER (WHERE b.account_id & 15 = {int(kind)}), 0)::bigint"
    for kind in (
        Kind.RESIDENT_PENDING,
        Kind.RESIDENT_CERTIFIED,
        Kind.RETIRED,
        Kind.RESIDENT_OWED,
        Kind.RESIDENT_POINTS,
    )
)
QUERY = f"""
    WITH found AS (
    SELECT h.account, t.scope, {_AMOUNTS}, t.id AS token
    FROM access_api_token AS t JOIN vault."user" AS u ON u.id = t.user_id
        JOIN vault.holder AS h ON h.user_id = t.user_id
        LEFT JOIN ledger_balance AS b
            ON b.account_id BETWEEN h.account << {KIND_BITS} AND (h.account << {KIND_BITS}) + 15
    WHERE t.digest = %s AND t.revoked_at IS NULL AND t.expires_at > %s AND u.is_active
    GROUP BY h.account, t.scope, t.id
    ), counted AS (
    INSERT INTO evidence_requestcount AS c (subject, minute, count)
        SELECT '{TOKEN_SUBJECT}' || token, %s, 1 FROM found
        ON CONFLICT (subject, minute) DO UPDATE SET count = c.count + 1 RETURNING count
    )
    SELECT found.*, counted.count FROM found, counted
"""
_BEARER = re.compile(r"Bearer (\S+)\Z")

Ask = Callable[[str, list[Any]], Any]
StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

HEADERS = [
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
]


@dataclass(frozen=True)
class Answer:
    """A balance, and how many requests its token made in this minute."""

    content: dict[str, Any]
    count: int


def balance_of(token: str, ask: Ask, *, at: datetime, most: int) -> Answer | None:
    """The balance that a token opens, ``None`` where it opens none or asked too often: why, the slow way says."""
    if not FORM.match(token):
        return None
    row = ask(QUERY, [hashlib.sha256(token.encode()).digest(), at, minute_of(at)])
    if row is None or PART not in parts_of(row[1]):
        return None
    account, _scope, *amounts, _token, count = row
    return Answer(said(account, amounts, at), count) if count <= most else None


def said(account: int, amounts: Iterable[int], at: datetime) -> dict[str, Any]:
    """A balance as JSON says it: milligrams, and points, which are another book."""
    pending_mg, certified_mg, retired_mg, owed_mg, points = amounts
    return {
        "account": account,
        "at": at.isoformat(timespec="seconds"),
        "pending_mg": pending_mg,
        "certified_mg": certified_mg,
        "retired_mg": retired_mg,
        "owed_mg": owed_mg,
        "points": points,
    }


class FastBalance:
    """WSGI in front of Django: answers a good token's ``GET`` of the balance, and hands on everything else."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._own = threading.local()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == PATH and environ.get("REQUEST_METHOD") == "GET" and _may(environ):
            given = _BEARER.match(environ.get("HTTP_AUTHORIZATION", ""))
            at, most = datetime.now(UTC), limit(TOKEN)
            with span("request", TRACED, caller=_caller(environ)) as traced:
                found = balance_of(given[1], self._ask, at=at, most=most) if given else None
                if found is not None:
                    body = json.dumps(found.content).encode()
                    limits = fields_of("token", most=most, count=found.count, at=at)
                    start_response("200 OK", [*HEADERS, *limits, ("Content-Length", str(len(body)))])
                    traced.says({"http.response.status_code": 200})
                    return [body]
                return self._application(environ, start_response)
        return self._application(environ, start_response)

    def _ask(self, query: str, given: list[Any]) -> Any:
        import psycopg

        connection = getattr(self._own, "connection", None)
        if connection is not None and not connection.closed:
            try:
                return connection.execute(query, given).fetchone()
            except psycopg.OperationalError:
                connection.close()
        self._own.connection = _connect()
        return self._own.connection.execute(query, given).fetchone()


def _caller(environ: dict[str, Any]) -> dict[str, str]:
    """Of which trace a request says that it is a part."""
    given = environ.get("HTTP_TRACEPARENT")
    return {"traceparent": given} if given else {}


def _may(environ: dict[str, Any]) -> bool:
    """Whether Django would take the request as it is: the host is one of ours, and the way was encrypted if it must."""
    from django.conf import settings
    from django.http.request import split_domain_port, validate_host

    domain, _ = split_domain_port(environ.get("HTTP_HOST", ""))
    if not (domain and validate_host(domain, settings.ALLOWED_HOSTS)):
        return False
    if not getattr(settings, "SECURE_SSL_REDIRECT", False):
        return True
    header = settings.SECURE_PROXY_SSL_HEADER
    return environ.get("wsgi.url_scheme") == "https" or bool(header and environ.get(header[0]) == header[1])


def _connect() -> Any:
    """A connection of the application's role, which writes nothing but how often a token asked."""
    import psycopg
    from django.db import connection

    given = connection.get_connection_params()
    kept = {
        name: value
        for name, value in given.items()
        if name
        not in ("context", "cursor_factory", "prepare_threshold", "client_encoding", "server_side_binding")
    }
    return psycopg.connect(**kept, autocommit=True, prepare_threshold=0)
