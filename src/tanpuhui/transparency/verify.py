"""Verify: what a file proves, without network and database: receipts, shares, bundles, proofs, credentials.

``verify_certificate.py`` beside this module says the same in one file with cryptography as its only dependency; the
two share no code, and tests drive every case through both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tanpuhui.kit.digest import digest_bytes, digest_json
from tanpuhui.transparency import note
from tanpuhui.transparency.attachment import PDF, attached
from tanpuhui.transparency.credentials import form
from tanpuhui.transparency.credentials.refusals import IssuerMissing
from tanpuhui.transparency.credentials.verify import Expected, verify
from tanpuhui.transparency.merkle import HASH_BYTES, hash_leaf, verify_inclusion
from tanpuhui.transparency.policy import Policy, Trusted, trust
from tanpuhui.transparency.proof import HEAD, read_proof, verify_proof
from tanpuhui.transparency.record import BUNDLE, RECEIPT, SALT_BYTES, SHARE, Record
from tanpuhui.transparency.refusals import FileUnreadable, PolicyMissing, ProofInvalid, RecordMissing

#: Deeper or longer than any file of ours.
MOST_BYTES = 20_000_000
MOST_RECEIPTS = 10_000


@dataclass(frozen=True)
class Proved:
    """One thing that a file proves, under which log, and when witnesses saw it (seconds since 1970)."""

    kind: str
    key: str
    record: Mapping[str, Any]
    origin: str
    size: int
    seen_s: Mapping[str, int]
    #: What else was looked at: of a credential its status, its holder's proof, and the log's.
    checked: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        said = {
            "kind": self.kind,
            "key": self.key,
            "record": dict(self.record),
            "log": self.origin,
            "leaves": self.size,
            "witnesses": dict(self.seen_s),
        }
        return said if self.checked is None else {**said, "checked": dict(self.checked)}


def verify_file(
    content: bytes, policy: Policy | None, *, record: bytes | None = None, expected: Expected | None = None
) -> list[Proved]:
    """Everything that a file proves; refused unless all of it holds.

    A bare proof (``.tlog-proof``) needs the ``record`` that it is of, and has the salt as its extra. A credential, and
    a PDF that has one in it, needs what is ``expected`` of it; the policy only if the log's proof comes along. The
    ``record`` of a credential is the file whose digest it says.
    """
    try:
        return _verified(content, policy, record, expected)
    except RecursionError:
        raise FileUnreadable(what="it is deeper than any file of ours") from None


def _verified(
    content: bytes, policy: Policy | None, record: bytes | None, expected: Expected | None
) -> list[Proved]:
    if len(content) > MOST_BYTES:
        raise FileUnreadable(what=f"it is longer than {MOST_BYTES} bytes")
    if content.startswith(PDF):
        content = attached(content)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise FileUnreadable(what="it is not UTF-8") from None
    if is_credential(text):
        return _credential(text, policy, record, expected)
    if policy is None:
        raise PolicyMissing()
    if text.startswith(HEAD):
        return [_bare_proof(text, policy, record)]
    if not text.startswith("{"):
        trusted = trust(text, policy)
        return [_proved("checkpoint", str(trusted.checkpoint.size), {}, trusted)]
    return _document(_json(content), policy)


def is_credential(text: str) -> bool:
    """Whether a text is a credential, of either form."""
    if not text.lstrip().startswith("{"):
        return form.looks_like_one(text)
    return {"payload", "protected"} <= set(_json(text.encode()))


def _credential(
    text: str, policy: Policy | None, record: bytes | None, expected: Expected | None
) -> list[Proved]:
    if expected is None:
        raise IssuerMissing()

    def prove(receipt: Mapping[str, Any]) -> Proved:
        if policy is None:
            raise PolicyMissing()
        return _receipt(receipt, policy)

    held = verify(text, expected, prove)
    _refuse_other_record(held.claims, record)
    first = held.logged[0] if held.logged else Proved("", "", {}, "", 0, {})
    kind, key = str(held.claims["vct"]), str(held.claims.get("number", ""))
    said = Proved(kind, key, held.claims, first.origin, first.size, first.seen_s, held.checked())
    return [said, *held.logged]


def _refuse_other_record(claims: Mapping[str, Any], record: bytes | None) -> None:
    """A file that comes along is the one whose digest was signed."""
    if record is not None and claims.get("record_digest") != digest_bytes(record):
        raise ProofInvalid(what="the record is not the one whose digest was signed")


def _document(said: Any, policy: Policy) -> list[Proved]:
    match said.get("format"):
        case value if value == RECEIPT:
            return [_receipt(said, policy)]
        case value if value == SHARE:
            return _share(said, policy)
        case value if value == BUNDLE:
            return _bundle(said, policy)
        case value:
            raise FileUnreadable(what=f"its format is {value!r}, and not one that is known here")


def _receipt(said: Mapping[str, Any], policy: Policy) -> Proved:
    if said.get("format") != RECEIPT:
        raise FileUnreadable(what="a receipt in it is none")
    kind, key, content = _text(said, "kind"), _text(said, "key"), _mapping(said, "record")
    record = Record(kind, key, content)
    trusted = verify_proof(_text(said, "proof"), entry=record.entry(_salt(said)), policy=policy)
    if "body" in said:
        _refuse_other_body(said["body"], content)
    return _proved(kind, key, content, trusted)


def _share(said: Mapping[str, Any], policy: Policy) -> list[Proved]:
    """A share and the receipt of its lot: the share's leaf is in the lot's tree of shares."""
    share, lot = _mapping(said, "share"), _receipt(_mapping(said, "lot"), policy)
    content = _mapping(share, "record")
    record = Record(_text(share, "kind"), _text(share, "key"), content)
    if lot.kind != "lot" or record.kind != "share" or content.get("lot") != lot.key:
        raise ProofInvalid(what="the share is of another lot than the receipt")
    index, size = share.get("index"), share.get("size")
    if type(index) is not int or type(size) is not int or size != lot.record.get("shares"):
        raise ProofInvalid(what="the share's place is not one of the lot's")
    said_hashes = share.get("hashes") or []
    if not isinstance(said_hashes, list):
        raise FileUnreadable(what="its hashes are no list")
    hashes = [note.plain_base64(one) if isinstance(one, str) else None for one in said_hashes]
    known = [one for one in hashes if one is not None and len(one) == HASH_BYTES]
    if len(known) != len(hashes):
        raise ProofInvalid(what=f"a hash is not base64 of {HASH_BYTES} bytes")
    verify_inclusion(
        index=index,
        size=size,
        leaf_hash=hash_leaf(record.entry(_salt(share))),
        proof=known,
        root=_root(lot.record),
    )
    proved = Proved(record.kind, record.key, content, lot.origin, lot.size, lot.seen_s)
    return [proved, lot]


def _bundle(said: Mapping[str, Any], policy: Policy) -> list[Proved]:
    """Several documents of one log that say nothing against each other: no serial is used twice, or outside its lot."""
    documents = said.get("documents")
    if not isinstance(documents, list) or not 1 <= len(documents) <= MOST_RECEIPTS:
        raise FileUnreadable(what="it has no documents")
    proved: dict[tuple[str, str], Proved] = {}
    origins = set()
    for one in documents:
        if not isinstance(one, dict) or one.get("format") == BUNDLE:
            raise FileUnreadable(what="a document in it is none")
        for found in _document(one, policy):
            known = proved.setdefault((found.kind, found.key), found)
            origins.add(found.origin)
            if known.record != found.record:
                raise ProofInvalid(what=f"{found.kind} {found.key} is in it twice and says two things")
    if len(origins) > 1:
        raise ProofInvalid(what="its documents are of several logs")
    _refuse_serials_twice(list(proved.values()))
    return list(proved.values())


Serials = tuple[str, int, int]


def _refuse_serials_twice(proved: list[Proved]) -> None:
    """A serial is retired or cancelled once, surrendered once, and by the surrender that retired it.

    Of a lot that is in the bundle, that retirement is in it too: leaving it out must not hide that there is none.
    """
    lots = {one.key: _serials(one, one.key, one.record) for one in proved if one.kind == "lot"}
    ended = [
        (one, _serials(one, _text(one.record, "lot"), one.record))
        for one in proved
        if one.kind in ("retirement", "cancellation")
    ]
    surrendered = [
        (one, serials) for one in proved if one.kind == "surrender" for serials in _surrendered(one)
    ]
    for one, serials in [*ended, *surrendered]:
        _, least, most = lots.get(serials[0], serials)
        if not (least <= serials[1] and serials[2] <= most):
            raise ProofInvalid(what=f"{one.kind} {one.key} is outside the serials of lot {serials[0]}")
    for uses, verb in ((ended, "retired"), (surrendered, "surrendered")):
        twice = _overlapping([serials for _, serials in uses])
        if twice is not None:
            raise ProofInvalid(what=f"a serial of lot {twice} is {verb} twice")
    for one, serials in surrendered:
        for other, others in ended:
            if _overlap(serials, others) and other.record.get("order") != f"surrender:{one.key}":
                raise ProofInvalid(
                    what=f"surrender {one.key} is of serials that {other.kind} {other.key} used"
                )
        retired = sum(_common(serials, others) for _, others in ended)
        if serials[0] in lots and retired != serials[2] - serials[1] + 1:
            raise ProofInvalid(what=f"surrender {one.key} is of serials whose retirement is not in it")


def _surrendered(one: Proved) -> list[Serials]:
    ranges = one.record.get("ranges")
    if not isinstance(ranges, list) or not all(isinstance(each, dict) for each in ranges):
        raise ProofInvalid(what=f"{one.kind} {one.key} names no serials")
    return [_serials(one, _text(each, "lot"), each) for each in ranges]


def _serials(one: Proved, lot: str, said: Mapping[str, Any]) -> Serials:
    first, last = said.get("serial_first"), said.get("serial_last")
    if type(first) is not int or type(last) is not int or first > last:
        raise ProofInvalid(what=f"{one.kind} {one.key} names no serials")
    return lot, first, last


def _overlap(one: Serials, other: Serials) -> bool:
    return one[0] == other[0] and one[1] <= other[2] and other[1] <= one[2]


def _common(one: Serials, other: Serials) -> int:
    """How many serials two ranges have in common."""
    return min(one[2], other[2]) - max(one[1], other[1]) + 1 if _overlap(one, other) else 0


def _overlapping(serials: list[Serials]) -> str | None:
    """The first lot of which two ranges overlap."""
    ordered = sorted(serials)
    for before, after in pairwise(ordered):
        if _overlap(before, after):
            return after[0]
    return None


def _bare_proof(text: str, policy: Policy, record: bytes | None) -> Proved:
    if record is None:
        raise RecordMissing()
    said = _json(record)
    content = _mapping(said, "record")
    kind, key = _text(said, "kind"), _text(said, "key")
    salt = read_proof(text).extra
    if salt is None or len(salt) != SALT_BYTES:
        raise ProofInvalid(what="it has no salt as its extra")
    entry = Record(kind, key, content).entry(salt)
    return _proved(kind, key, content, verify_proof(text, entry=entry, policy=policy))


def _refuse_other_body(body: Any, content: Mapping[str, Any]) -> None:
    """The body that comes along is the one whose digest was logged."""
    if digest_json(body) not in (content.get("manifest"), content.get("digest")):
        raise ProofInvalid(what="the body is not the one whose digest was logged")


def _proved(kind: str, key: str, content: Mapping[str, Any], trusted: Trusted) -> Proved:
    return Proved(kind, key, content, trusted.checkpoint.origin, trusted.checkpoint.size, trusted.seen_s)


def _json(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content, parse_float=_no_float, parse_constant=_no_float, object_pairs_hook=_once)
        # What cannot be written again was never hashed: half a character, or deeper than it goes.
        json.dumps(said, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise FileUnreadable(what=f"it is not JSON ({error})") from None
    if not isinstance(said, dict):
        raise FileUnreadable(what="it is not an object")
    return said


def _no_float(text: str) -> Any:
    raise ValueError(f"the number {text} is not whole")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a name is there twice")
    return said


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str):
        raise FileUnreadable(what=f"it has no text '{name}'")
    return value


def _mapping(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = said.get(name)
    if not isinstance(value, dict):
        raise FileUnreadable(what=f"it has no object '{name}'")
    return value


def _salt(said: Mapping[str, Any]) -> bytes:
    salt = note.plain_base64(_text(said, "salt"))
    if salt is None or len(salt) != SALT_BYTES:
        raise ProofInvalid(what=f"the salt is not base64 of {SALT_BYTES} bytes")
    return salt


def _root(record: Mapping[str, Any]) -> bytes:
    try:
        root = bytes.fromhex(record.get("shares_root", ""))
    except (TypeError, ValueError):
        root = b""
    if len(root) != HASH_BYTES:
        raise ProofInvalid(what="the lot has no root of shares")
    return root
