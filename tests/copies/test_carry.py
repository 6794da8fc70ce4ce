"""A copy that was taken elsewhere is kept to the letter, as history: it is in the next copy, and nothing else is."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from jsonschema import Draft202012Validator

from access.people import AT, LATER
from consent.people import metro_grant
from copies.test_record import somebody
from tanpuhui.consent.models import Grant
from tanpuhui.consent.open_account import open_account
from tanpuhui.consent.refusals import UnknownResident
from tanpuhui.copies.archive import SCHEMA_FILE, archive
from tanpuhui.copies.carry import carry
from tanpuhui.copies.record import record
from tanpuhui.rights.models import Carried
from tanpuhui.rights.refusals import NotACopy

pytestmark = pytest.mark.django_db


def test_a_copy_comes_back_to_the_letter_and_mints_nothing() -> None:
    theirs, mine = somebody("theirs"), open_account(at=AT)
    taken = archive(theirs, at=LATER)
    as_taken = json.loads(_unpacked(taken)["record.json"])
    postings, grants = _count("ledger_posting"), Grant.objects.count()

    kept = carry(mine, taken, at=LATER)
    again = carry(mine, taken, at=LATER)

    assert again == kept
    (brought,) = record(mine, at=LATER)["more"]["carried"]
    assert brought["record"] == as_taken
    assert (brought["digest"], brought["controller"]) == (kept.digest, as_taken["controller"]["name"])
    assert (_count("ledger_posting"), Grant.objects.count()) == (postings, grants)
    assert (
        list(Draft202012Validator(json.loads(SCHEMA_FILE.read_text())).iter_errors(record(mine, at=LATER)))
        == []
    )
    onwards = json.loads(_unpacked(archive(mine, at=LATER))["record.json"])
    assert onwards["more"]["carried"][0]["record"] == as_taken


def test_what_is_no_copy_or_was_changed_is_refused() -> None:
    theirs, mine = open_account(at=AT), open_account(at=AT)
    metro_grant(theirs)
    taken = archive(theirs, at=LATER)
    other = json.loads(_unpacked(archive(_with_grant(), at=LATER))["record.json"])

    changes: list[Callable[[dict[str, Any]], Any]] = [
        lambda record: record.update(schema="x"),
        lambda record: record.pop("grants"),
        lambda record: record["account"].update(number=99),
        lambda record: record["grants"][0].update(artefact=record["grants"][0]["artefact"][:-4] + "AAAA"),
        lambda record: record.update(grants=other["grants"]),
        lambda record: record.update(grants=[]),
    ]
    for change in changes:
        with pytest.raises(NotACopy):
            carry(mine, _changed(taken, change), at=LATER)
    for bad in (b"", b"no zip", taken[:-40]):
        with pytest.raises(NotACopy):
            carry(mine, bad, at=LATER)
    with pytest.raises(UnknownResident):
        carry(10**9, taken, at=LATER)
    assert not Carried.objects.exists()


def test_a_file_that_only_looks_like_a_copy_is_refused_whatever_is_wrong_in_it() -> None:
    theirs, mine = open_account(at=AT), open_account(at=AT)
    metro_grant(theirs)
    taken = archive(theirs, at=LATER)
    begins = taken.index(b"record.json") + len(b"record.json")

    odd = [
        _changed(taken, lambda record: record["controller"].update(name="a\0b")),
        _changed(taken, lambda record: record["controller"].update(name="\ud800")),
        _changed(taken, lambda record: record.update(made_at="yesterday")),
        _changed(taken, lambda record: record.update(made_at="2026-03-02T08:00:00")),
        _changed(taken, lambda record: record["account"].update(number=float(record["account"]["number"]))),
        taken[:begins] + b"\xff" * 40 + taken[begins + 40 :],
        # Encrypted, and packed in a way that nobody knows: one field of the directory each.
        _in_directory(taken, at=8, to=b"\x01\x00"),
        _in_directory(taken, at=10, to=b"\x63\x00"),
    ]
    for content in odd:
        with pytest.raises(NotACopy):
            carry(mine, content, at=LATER)
    assert not Carried.objects.exists()


def _in_directory(content: bytes, *, at: int, to: bytes) -> bytes:
    """A zip in whose directory two bytes of every entry are others (APPNOTE, 4.3.12), and of its own header too."""
    out = bytearray(content)
    for signature, offset in ((b"PK\x01\x02", at), (b"PK\x03\x04", at - 2)):
        found = -1
        while (found := out.find(signature, found + 1)) >= 0:
            out[found + offset : found + offset + 2] = to
    return bytes(out)


def _with_grant() -> int:
    account = open_account(at=AT)
    metro_grant(account)
    return account


def _unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(content)) as found:
        return {name: found.read(name) for name in found.namelist()}


def _changed(content: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    files = _unpacked(content)
    record = json.loads(files["record.json"])
    change(record)
    files["record.json"] = json.dumps(record).encode()
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name, text in files.items():
            target.writestr(name, text)
    return out.getvalue()


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])
