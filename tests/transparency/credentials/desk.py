"""A desk for tests: an issuer, a holder, a log with witnesses, a status list, and both verifiers asked the same."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tanpuhui.kit.refusal import Refusal
from tanpuhui.transparency import note, verify_certificate
from tanpuhui.transparency.checkpoint import Checkpoint
from tanpuhui.transparency.credentials.conceal import Hidden, hidden
from tanpuhui.transparency.credentials.form import SdJwt
from tanpuhui.transparency.credentials.issue import issue
from tanpuhui.transparency.credentials.key import key_from_secret, metadata, read_issuer
from tanpuhui.transparency.credentials.kinds import BALANCE, SURRENDER
from tanpuhui.transparency.credentials.status_list import LEAST_ENTRIES, StatusList, sign_list
from tanpuhui.transparency.credentials.verify import Expected
from tanpuhui.transparency.merkle import hash_leaf, prove_inclusion, root_of, subtrees_of
from tanpuhui.transparency.policy import read_policy
from tanpuhui.transparency.proof import LogProof
from tanpuhui.transparency.record import Record
from tanpuhui.transparency.verify import verify_file

NOW = 1_780_000_000
NAME = "https://carbon.example"
URI = f"{NAME}/status-lists/1"
KEY, HOLDER, FOREIGN = (key_from_secret(bytes([one]) * 32) for one in (1, 2, 3))

LOG = note.key_from_secret("log.example", bytes(32))
WITNESSES = [
    note.key_from_secret(f"w{one}.example", bytes([one]) * 32, kind=note.COSIGNATURE) for one in (1, 2, 3)
]
POLICY = "\n".join(
    [
        f"log {LOG.verifier}",
        *(f"witness W{number} {key.verifier}" for number, key in enumerate(WITNESSES, start=1)),
        "group three 2 W1 W2 W3",
        "quorum three",
        "",
    ]
)
RANGES = [
    {"lot": "L-1", "serial_first": 1, "serial_last": 3, "vintage": 2026},
    {"lot": "L-2", "serial_first": 50, "serial_last": 50, "vintage": 2025},
]
BARE = [{name: one[name] for name in ("lot", "serial_first", "serial_last")} for one in RANGES]
RECORDS = [
    Record("surrender", "7", {"year": 2026, "ranges": BARE}),
    Record("retirement", "1", {"order": "surrender:7", **BARE[0]}),
    Record("retirement", "2", {"order": "surrender:7", **BARE[1]}),
    Record("retirement", "3", {"order": "surrender:7", "lot": "L-1", "serial_first": 4, "serial_last": 6}),
    Record("lot", "L-1", {"tonnes": 9, **BARE[0]}),
    Record("surrender", "8", {"year": 2025, "ranges": BARE}),
    Record("retirement", "4", {"order": "offset:voluntary:v", **BARE[0]}),
    Record("retirement", "5", {"order": "offset:voluntary:v", **BARE[1]}),
]
SALTS = [bytes([one + 100]) * 32 for one in range(len(RECORDS))]
LEAVES = [hash_leaf(one.entry(salt)) for one, salt in zip(RECORDS, SALTS, strict=True)]


def receipt(index: int, witnesses: tuple[int, ...] = (1, 2)) -> dict[str, Any]:
    text = Checkpoint("log.example", len(LEAVES), root_of(LEAVES)).text
    lines = [str(note.cosign(text, WITNESSES[one - 1], at_s=NOW - 60)) for one in witnesses]
    hashes = prove_inclusion(index=index, size=len(LEAVES), subtree=subtrees_of(LEAVES))
    proof = LogProof(index, tuple(hashes), note.sign(text, [LOG]) + "".join(lines))
    return {
        "format": "tanpuhui-receipt/1",
        **RECORDS[index].as_json(),
        "salt": b64encode(SALTS[index]).decode(),
        "proof": str(proof),
    }


def certificate(*receipts: Mapping[str, Any], **changed: Any) -> SdJwt:
    """A surrender of four tonnes with the log's proof; claims can be changed, ``None`` leaves one out."""
    said = {
        "iss": NAME,
        "iat": NOW - 3_600,
        "vct": SURRENDER,
        "status": {"status_list": {"idx": 5, "uri": URI}},
        **hidden({"number": "C000001-95", "tonnes": 4, "year": 2026, "ranges": RANGES}),
        "beneficiary": Hidden("City marathon 马拉松"),
        **changed,
    }
    made = issue({name: one for name, one in said.items() if one is not None}, KEY)
    return made.with_receipts(*(receipts or (receipt(0), receipt(1), receipt(2))))


def balance(*, holder: Any = None, **changed: Any) -> SdJwt:
    """A statement for the bank."""
    said = {
        "iss": NAME,
        "iat": NOW - 60,
        "exp": NOW + 86_400,
        "aud": "bank",
        "vct": BALANCE,
        "status": {"status_list": {"idx": 6, "uri": URI}},
        **hidden({"tier": {"name": {"en": "Gold"}}, "balance": {"certified_mg": 25_000_000}}),
        **changed,
    }
    return issue({name: one for name, one in said.items() if one is not None}, KEY, holder=holder)


def status_list(
    states: Mapping[int, int] | None = None, *, at_s: int = NOW, ttl_s: int = 43_200, **changed: Any
) -> str:
    found = StatusList.of(states or {}, bits=2, entries=LEAST_ENTRIES)
    given = {"issuer": NAME, "uri": URI, "good_for_s": 86_400, "ttl_s": ttl_s, **changed}
    return sign_list(found, given.pop("key", KEY), at_s=at_s, **given)


@dataclass(frozen=True)
class Desk:
    """What a verifier has before it."""

    lists: tuple[str, ...] = field(default_factory=lambda: (status_list(),))
    issuer: Mapping[str, Any] = field(default_factory=lambda: metadata(NAME, KEY))
    policy: str | None = POLICY
    audience: str | None = None
    nonce: str | None = None
    needs_log: bool = False
    at_s: int = NOW
    record: bytes | None = None

    def with_(self, **changed: Any) -> Desk:
        return replace(self, **changed)

    def shows(self, text: str | bytes) -> list[dict[str, Any]]:
        """What a file shows; both verifiers must say the same."""
        content = text.encode() if isinstance(text, str) else text
        ours = [one.as_json() for one in self._ask(content)]
        assert verify_certificate.check_file(content, self.policy, self.record, self._trusted()) == ours
        return ours

    def refuses(self, text: str | bytes) -> str:
        """The code under which a file is refused; the single file must refuse it too."""
        content = text.encode() if isinstance(text, str) else text
        try:
            verify_certificate.check_file(content, self.policy, self.record, self._trusted())
        except verify_certificate.Wrong:
            pass
        else:
            raise AssertionError("the single file lets it pass")
        try:
            self._ask(content)
        except Refusal as refusal:
            return refusal.code
        raise AssertionError("it passes")

    def _ask(self, content: bytes) -> list[Any]:
        expected = Expected(
            read_issuer(json.dumps(self.issuer)),
            self.at_s,
            self.lists,
            self.audience,
            self.nonce,
            needs_log=self.needs_log,
        )
        policy = None if self.policy is None else read_policy(self.policy)
        return verify_file(content, policy, record=self.record, expected=expected)

    def _trusted(self) -> dict[str, Any]:
        return {
            "issuer": json.dumps(self.issuer),
            "status_lists": self.lists,
            "audience": self.audience,
            "nonce": self.nonce,
            "needs_log": self.needs_log,
            "at": self.at_s,
        }
