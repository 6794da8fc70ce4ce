"""Subjects: a provider's pseudonyms as numbers; whose account a number is, is known in the vault alone."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import duckdb
import pyarrow as pa
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
    rest = iter(pseudonyms)
    while piece := list(islice(rest, AT_ONCE)):
        digests = {hmac.digest(key, pseudonym.encode(), "sha256"): pseudonym for pseudonym in piece}
        found = _stored(contract.provider, list(digests))
        yield {digests[digest]: ids for digest, ids in found.items()}


#: Digests travel as one value, since a list of many takes longer to quote than to look up.
_ASKED = f"SELECT substr(%s::bytea, n * {DIGEST_BYTES} + 1, {DIGEST_BYTES}) AS digest FROM generate_series(0, %s) n"


def _stored(provider: str, digests: Sequence[bytes]) -> Mapping[bytes, tuple[int, int]]:
    """Ids of the digests; those that are new are stored, in the order of their digests.

    Somebody who links a pseudonym does not wait for the provider's turn, so what they stored meanwhile is read again.
    """
    found = _known(provider, digests)
    with database.cursor() as cursor:
        if new := sorted(set(digests) - found.keys()):
            cursor.execute(
                f"INSERT INTO vault.subject (provider, digest) SELECT %s, digest FROM ({_ASKED}) asked "
                "ON CONFLICT (provider, digest) DO NOTHING RETURNING digest, id",
                [provider, b"".join(new), len(new) - 1],
            )
            found |= {bytes(digest): (subject, 0) for digest, subject in cursor.fetchall()}
    if len(found) < len(digests):
        found = _known(provider, digests)
    assert len(found) == len(digests), "a subject that is there already is seen by the next look"
    return found


def _known(provider: str, digests: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
    """Ids of those digests that are stored."""
    with database.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT s.digest, s.id, coalesce(l.account_id, 0)
            FROM ({_ASKED}) asked JOIN vault.subject s ON s.provider = %s AND s.digest = asked.digest
            LEFT JOIN vault.subject_link l ON l.subject_id = s.id
            """,
            [b"".join(digests), len(digests) - 1, provider],
        )
        return {bytes(digest): (subject, account) for digest, subject, account in cursor.fetchall()}


def make_people(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """The table ``people`` (person, subject_id, account_id) of everybody in an unrefused candidate."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE people (person VARCHAR, subject_id BIGINT, account_id BIGINT)"
    )
    everybody = connection.execute("SELECT DISTINCT person FROM candidates WHERE failed IS NULL").fetchall()
    for piece in subject_ids(contract, (person for (person,) in everybody)):
        table = pa.table(
            {
                "person": list(piece),
                "subject_id": pa.array([subject for subject, _ in piece.values()], pa.int64()),
                "account_id": pa.array([account for _, account in piece.values()], pa.int64()),
            }
        )
        connection.register("piece", table)
        connection.execute("INSERT INTO people SELECT person, subject_id, account_id FROM piece")
        connection.unregister("piece")
