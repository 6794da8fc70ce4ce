"""Quarantine: refused rows with their reason, their content encrypted, until somebody corrects them.

Content is encrypted with AES-256-GCM under a key of the installation; batch and row number are bound to it, so a
row cannot be passed off as another.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection as database
from django.db.models import QuerySet

from tanpuhui.evidence.candidates import Read
from tanpuhui.evidence.duplicates import ID_REUSED, PERSON_CHANGED
from tanpuhui.evidence.expressions import literal
from tanpuhui.evidence.format import Check, Sheet
from tanpuhui.evidence.models import QuarantinedRow
from tanpuhui.evidence.record import ROWS_PER_BATCH, by_batch
from tanpuhui.kit.digest import PREFIX
from tanpuhui.kit.home import secret_key
from tanpuhui.kit.refusal import Refusal

_NONCE_BYTES = 12
_AT_ONCE = 10_000
#: Keys of a row's content that are no columns: a line that could not be read as a row, and the file's name.
LINE = "(line)"
FILE = "(file)"


class RowUnknown(Refusal):
    code = "evidence.row_unknown"
    message = "There is no quarantined row {row}. List them with 'tanpuhui evidence quarantine list'."


class RowTampered(Refusal):
    code = "evidence.row_tampered"
    message = (
        "The content of quarantined row {row} is not what was stored, or the key is another. "
        "Restore keys/quarantine or the table from a backup."
    )


def make_refused(
    connection: duckdb.DuckDBPyConnection, read: Read, sheet: Sheet, stems: Mapping[int, str]
) -> None:
    """Make ``refused``: row number, index of the check in :func:`checks_of`, and the row's content as JSON.

    ``stems`` are the names of the files, by batch.
    """
    reused, person = len(read.checks), len(read.checks) + 1
    file = f"{literal(FILE)}, {by_batch({batch: literal(stem) for batch, stem in stems.items()})}"
    pairs = "".join(
        f", {literal(column)}, {sheet.text(column)}"
        for column in sorted(text.removeprefix("t_") for text in sheet.columns)
    )
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE refused AS
        SELECT row_number, why, CASE WHEN unreadable IS NULL THEN json_object({file}{pairs})
            ELSE json_object({file}, {literal(LINE)}, unreadable) END AS content
        FROM staged JOIN (
            SELECT row_number, failed AS why FROM candidates WHERE failed IS NOT NULL
            UNION ALL
            SELECT row_number, CASE verdict WHEN 'reused' THEN {reused} ELSE {person} END FROM verdicts
            WHERE verdict IN ('reused', 'person_changed')
        ) USING (row_number)
        ORDER BY row_number
        """)


def checks_of(read: Read) -> tuple[Check, ...]:
    """What the numbers in ``refused.why`` mean."""
    return (*read.checks, ID_REUSED, PERSON_CHANGED)


def store(connection: duckdb.DuckDBPyConnection, batches: Sequence[int], read: Read) -> dict[int, str]:
    """Put ``refused`` into the quarantine; answers the digest of each batch's list (row number, code, field)."""
    checks, cipher, digests = checks_of(read), _cipher(), {batch: hashlib.sha256() for batch in batches}
    facts = [json.dumps(dict(check.facts)) for check in checks]
    rows = connection.execute(
        "SELECT row_number, why, CAST(content AS VARCHAR) FROM refused ORDER BY row_number"
    )
    with (
        database.cursor() as cursor,
        cursor.copy(
            "COPY evidence_quarantinedrow (batch_id, row_number, code, field, facts, ciphertext) FROM STDIN"
        ) as copy,
    ):
        while piece := rows.fetchmany(_AT_ONCE):
            for record_id, why, content in piece:
                (batch_id, row_number), check = divmod(record_id, ROWS_PER_BATCH), checks[why]
                secret = _encrypt(cipher, batch_id, row_number, content)
                copy.write_row((batch_id, row_number, check.code, check.field, facts[why], secret))
                digests[batch_id].update(f"{row_number}|{check.code}|{check.field}\n".encode())
    return {batch: PREFIX + digest.hexdigest() for batch, digest in digests.items()}


def quarantined(
    *, provider: str | None = None, batch: int | None = None, code: str | None = None, open_only: bool = True
) -> QuerySet[QuarantinedRow]:
    """Quarantined rows in order; by default those that were not sent again yet."""
    rows = QuarantinedRow.objects.select_related("batch", "resolution").order_by("batch_id", "row_number")
    if provider is not None:
        rows = rows.filter(batch__provider=provider)
    if batch is not None:
        rows = rows.filter(batch_id=batch)
    if code is not None:
        rows = rows.filter(code=code)
    return rows.filter(resolution__isnull=True) if open_only else rows


def row(row_id: int) -> QuarantinedRow:
    """One quarantined row; refuses an unknown one."""
    found = QuarantinedRow.objects.select_related("batch", "resolution").filter(pk=row_id).first()
    if found is None:
        raise RowUnknown(row=row_id)
    return found


def content(quarantined_row: QuarantinedRow) -> Mapping[str, str | None]:
    """The row as it was sent, column by column; a line that was no row stands under ``(line)``."""
    sealed = bytes(quarantined_row.ciphertext)
    bound = _bound(quarantined_row.batch_id, quarantined_row.row_number)
    try:
        plain = _cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
    except InvalidTag as error:
        raise RowTampered(row=quarantined_row.pk) from error
    decoded: dict[str, Any] = json.loads(plain)
    return decoded


def _encrypt(cipher: AESGCM, batch_id: int, row_number: int, text: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, text.encode(), _bound(batch_id, row_number))


def _bound(batch_id: int, row_number: int) -> bytes:
    return f"{batch_id}|{row_number}".encode()


def _cipher() -> AESGCM:
    return AESGCM(secret_key("quarantine"))
