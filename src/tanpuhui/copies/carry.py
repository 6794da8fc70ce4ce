"""Carry: bring a copy of one's record from another installation here, as history. It mints nothing and permits nothing.

The copy is checked before it is kept: it is what its schema says, and every consent in it verifies with the key that
came along. What was agreed to elsewhere is no consent here, and what was credited there is no credit here. The next
copy that is taken here has all of it again, to the letter.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from datetime import datetime
from io import BytesIO
from typing import Any

from jsonschema import Draft202012Validator

from tanpuhui.consent.artefact import verify_artefact
from tanpuhui.consent.receipt import verify_receipt
from tanpuhui.consent.show import get_resident
from tanpuhui.copies.archive import SCHEMA_FILE
from tanpuhui.copies.record import SCHEMA
from tanpuhui.kit.digest import digest_json, has_floats, has_nul
from tanpuhui.kit.refusal import Refusal
from tanpuhui.rights.models import Carried
from tanpuhui.rights.refusals import NotACopy

#: Bytes of all of a copy's files together: more than anybody's life.
MOST_BYTES = 200_000_000
#: What the library says of a zip that is broken, encrypted, or packed in a way that it does not know.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


def carry(account: int, content: bytes, *, at: datetime) -> Carried:
    """Keep a copy that was taken elsewhere with an account, in the caller's transaction; the same again is the same."""
    get_resident(account)
    record = _checked(content)
    digest = digest_json(record)
    known = Carried.objects.filter(account=account, digest=digest).first()
    return known or Carried.objects.create(
        account=account,
        digest=digest,
        controller=record["controller"]["name"],
        made_at=datetime.fromisoformat(record["made_at"]),
        content=record,
        at=at,
    )


def _checked(content: bytes) -> dict[str, Any]:
    """The record in a copy; refuses one that is not whole, is something else, or was changed."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as found:
            if sum(one.file_size for one in found.infolist()) > MOST_BYTES:
                raise NotACopy(why="it is too large")
            record, key = _read(found, "record.json"), _read(found, "public-key.json")
            names = found.namelist()
            receipts = {name: _read(found, name) for name in names if name.startswith("receipts/")}
        unfit = has_nul([record, key, receipts]) or has_floats(record)
        json.dumps([record, key, receipts], ensure_ascii=False).encode()
    except (*_UNREADABLE, KeyError, ValueError, RecursionError) as error:
        raise NotACopy(why=f"it cannot be read ({type(error).__name__})") from error
    if unfit:
        raise NotACopy(why="a text in it has the character NUL, or a number is not whole")
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise NotACopy(why=f"it is not {SCHEMA}")
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    wrong = next(Draft202012Validator(schema).iter_errors(record), None)
    if wrong is not None:
        raise NotACopy(why=f"{wrong.json_path} is not as the schema says")
    if not _is_moment(record["made_at"]):
        raise NotACopy(why="it does not say when it was made")
    _refuse_altered(record, key, receipts)
    return record


def _is_moment(said: str) -> bool:
    try:
        return datetime.fromisoformat(said).tzinfo is not None
    except ValueError:
        return False


def _refuse_altered(record: dict[str, Any], key: Any, receipts: dict[str, Any]) -> None:
    """Every consent is signed, by one key, for the account of the record; and so is every receipt."""
    account = record["account"]["number"]
    try:
        principals = {verify_artefact(grant["artefact"], key)["principal"] for grant in record["grants"]}
        for one in receipts.values():
            verify_receipt(one["token"], key)
    except (Refusal, ValueError, KeyError, TypeError) as error:
        raise NotACopy(why=f"a signature does not hold ({type(error).__name__})") from error
    if principals - {account}:
        raise NotACopy(why="a consent is of another account")
    if len(receipts) != len(record["grants"]):
        raise NotACopy(why=f"it has {len(record['grants'])} consents and {len(receipts)} receipts")


def _read(found: zipfile.ZipFile, name: str) -> Any:
    return json.loads(found.read(name))
