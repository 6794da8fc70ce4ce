"""Subjects: a provider's pseudonyms as numbers; whose account a number is, is known in the vault alone."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import duckdb
import numpy as np
import psycopg
from django.db import connection as database

from tanpuhui.evidence.models import Contract
from tanpuhui.kit.home import secret_key

AT_ONCE = 250_000
DIGEST_BYTES = 32


def pseudonym_key(contract: Contract) -> bytes:
    """The provider's own key: pseudonyms of two providers never meet."""
    purpose = f"pseudonym|{contract.pseudonym_key}|{contract.provider}".encode()
    return hmac.digest(secret_key("pseudonyms"), purpose, "sha256")


def row_id_key(contract: Contract) -> bytes:
    """The key of ids that are made for rows which have none."""
    purpose = f"row-id|{contract.pseudonym_key}|{contract.provider}".encode()
    return hmac.digest(secret_key("pseudonyms"), purpose, "sha256")


def subject_ids(contract: Contract, pseudonyms: Iterable[str]) -> Iterator[dict[str, tuple[int, int]]]:
    """For pieces of the pseudonyms: (subject id, account id or 0) of each. New subjects are stored."""
    key = pseudonym_key(contract)
    rest = iter(dict.fromkeys(pseudonyms))
    while piece := list(islice(rest, AT_ONCE)):
        digests = b"".join(hmac.digest(key, pseudonym.encode(), "sha256") for pseudonym in piece)
        yield dict(zip(piece, map(tuple, _stored(contract.provider, digests).tolist()), strict=True))


#: Digests travel as one value, since a list of many takes longer to quote than to look up; so do the answers. Each is
#: looked up in the index, in its order: a plan that reads whole tables instead grows with the city, not with the file.
_ASKED = (
    f"SELECT n, substr(%b::bytea, (n * {DIGEST_BYTES} + 1)::int, {DIGEST_BYTES}) AS digest "
    "FROM generate_series(0::bigint, %s) n OFFSET 0"
)
_KNOWN = f"""
    SELECT coalesce(string_agg(int8send(n) || int8send(id) || int8send(coalesce(
        (SELECT account_id FROM vault.subject_link WHERE subject_id = s.id), 0)), ''), '')
    FROM (
        SELECT n, (SELECT id FROM vault.subject WHERE provider = %s AND subject.digest = asked.digest) AS id
        FROM ({_ASKED}) asked OFFSET 0
    ) s
    WHERE id IS NOT NULL"""
_INSERT = f"""
    INSERT INTO vault.subject (provider, digest) SELECT %s, digest FROM ({_ASKED}) asked
    ORDER BY digest ON CONFLICT (provider, digest) DO NOTHING"""


def _stored(provider: str, digests: bytes) -> np.ndarray:
    """(count, 2) int64: subject and account of each of the distinct digests, in their order. New ones are stored.

    Somebody who links a pseudonym does not wait for the provider's turn, so what they stored meanwhile is read again.
    """
    found = _known(provider, digests)
    missing = found[:, 0] == 0
    if missing.any():
        new = np.frombuffer(digests, f"V{DIGEST_BYTES}")[missing]
        with binary_cursor() as cursor:
            cursor.execute(_INSERT, [provider, new.tobytes(), len(new) - 1])
        found = _known(provider, digests)
    assert found[:, 0].all(), "a subject that is there already is seen by the next look"
    return found


def _known(provider: str, digests: bytes) -> np.ndarray:
    """(count, 2) int64: subject and account of each digest, zeros where it is not stored, zero without an account."""
    pieces = np.frombuffer(digests, f"V{DIGEST_BYTES}")
    order = np.argsort(np.frombuffer(digests, ">u8")[:: DIGEST_BYTES // 8], kind="stable")
    found = np.zeros((len(pieces), 2), np.int64)
    with binary_cursor() as cursor:
        cursor.execute(_KNOWN, [provider, pieces[order].tobytes(), len(pieces) - 1], binary=True)
        (answer,) = cursor.fetchone() or (b"",)
    rows = np.frombuffer(answer, ">i8").reshape(-1, 3)
    found[order[rows[:, 0]]] = rows[:, 1:]
    return found


def binary_cursor() -> psycopg.Cursor[Any]:
    """A cursor on the caller's connection that sends large values as they are, not quoted as text."""
    database.ensure_connection()
    return psycopg.Cursor(database.connection)


#: HMAC (RFC 2104) of a person under a key that was padded to a block of SHA-256, as a blob.
_DIGEST = "unhex(sha256(?::BLOB || unhex(sha256(?::BLOB || encode(person)))))"
_BLOCK_BYTES, _OUTER, _INNER = 64, 0x5C, 0x36


def make_people(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """The table ``people`` (person, subject_id, account_id) of everybody in an unrefused candidate."""
    padded = pseudonym_key(contract).ljust(_BLOCK_BYTES, b"\0")
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE named AS
        SELECT person, {_DIGEST} AS digest
        FROM (SELECT DISTINCT person FROM candidates WHERE failed IS NULL)
        """,
        [bytes(byte ^ pad for byte in padded) for pad in (_OUTER, _INNER)],
    )
    answers = [np.zeros((0, 2), np.int64)]
    digests = _digests(connection)
    for start in range(0, len(digests), AT_ONCE * DIGEST_BYTES):
        answers.append(_stored(contract.provider, digests[start : start + AT_ONCE * DIGEST_BYTES]))
    found = np.concatenate(answers)
    connection.register("numbers", {"subject_id": found[:, 0].copy(), "account_id": found[:, 1].copy()})
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE people AS "
        "SELECT person, subject_id, account_id FROM named POSITIONAL JOIN numbers"
    )
    connection.unregister("numbers")


def _digests(connection: duckdb.DuckDBPyConnection) -> bytes:
    """The digests of those who are named, one after the other."""
    found = connection.sql("SELECT digest FROM named").to_arrow_table().column(0)
    return b"".join(
        piece.buffers()[2][
            piece.offset * DIGEST_BYTES : (piece.offset + len(piece)) * DIGEST_BYTES
        ].to_pybytes()
        for piece in found.chunks
    )
