#!/usr/bin/env python3
"""Verify a certificate of a personal carbon account platform: one file, no network, no database.

    pip install cryptography
    python verify_certificate.py CERTIFICATE --policy POLICY [--record RECORD]

CERTIFICATE is a receipt, a share, a bundle (JSON), a ``.tlog-proof`` or a checkpoint. POLICY is the text file that says
which log and which witnesses you trust, and how many of them are enough (https://c2sp.org/tlog-policy). Get it from
somebody other than whoever gave you the certificate.

Exit status: 0 everything holds, 2 something does not. What is printed was proved; nothing else was.
Formats: c2sp.org signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof, tlog-policy; RFC 6962 for the tree.
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NUMBER = re.compile(r"(0|[1-9][0-9]{0,18})\Z")


class Wrong(Exception):
    """Why a file proves nothing."""


def need(condition, why):
    if not condition:
        raise Wrong(why)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def unbase64(text, length=None):
    need(isinstance(text, str), "base64 is a text")
    try:
        found = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, UnicodeError):
        raise Wrong("not base64") from None
    need(base64.b64encode(found).decode() == text, "base64 is written in one way")
    need(length is None or len(found) == length, "so many bytes as it should have")
    return found


# -- notes, keys, policy ------------------------------------------------------------------------------------------


def read_key(line):
    """A verifier key: (name, key number, kind, public key)."""
    parts = line.strip().split("+", 2)
    need(len(parts) == 3, "a key is name+hash+base64")
    name, number, packed = parts
    material = unbase64(packed)
    need(name and not re.search(r"[\s+\x00-\x1f]", name), "a key has a name")
    need(len(material) == 33 and material[0] in (1, 4), "the kind of key is known")
    expected = sha256(name.encode(), b"\n", material)[:4]
    need(number == expected.hex(), "a key's hash is that of its name and key")
    return name, expected, material[0], material[1:]


def read_note(text):
    """Text and signature lines of a signed note."""
    need(
        len(text) <= 1_000_000 and not re.search(r"[\x00-\x09\x0b-\x1f]", text),
        "a note has no control characters",
    )
    need(not re.search("[\ud800-\udfff]", text), "a note is UTF-8")
    cut = text.rfind("\n\n")
    need(cut >= 0 and text.endswith("\n"), "a note has signatures below an empty line")
    body, lines = text[: cut + 1], text[cut + 2 :].split("\n")[:-1]
    need(1 <= len(lines) <= 64, "a note has signatures")
    signatures = []
    for line in lines:
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "\u2014" and parts[1], "a signature line")
        need(not re.search(r"[\s+\x00-\x1f]", parts[1]), "a signer has a name")
        packed = unbase64(parts[2])
        need(len(packed) >= 5, "a signature")
        signatures.append((parts[1], packed[:4], packed[4:]))
    return body, signatures


def check_note(text, keys):
    """The text of a note, and who signed it: {key: time of the cosignature or None}."""
    body, signatures = read_note(text)
    known = {(key[0], key[1]): key for key in keys}
    signers = {}
    for name, number, packed in signatures:
        key = known.get((name, number))
        if key is None:
            continue
        when, message, signed = None, body.encode(), packed
        if key[2] == 4:
            when = int.from_bytes(packed[:8], "big")
            need(len(packed) == 72 and when < 2**63, f"the signature of {name}")
            message, signed = f"cosignature/v1\ntime {when}\n{body}".encode(), packed[8:]
        try:
            Ed25519PublicKey.from_public_bytes(key[3]).verify(signed, message)
        except InvalidSignature:
            raise Wrong(f"the signature of {name} is not of this text") from None
        signers.setdefault(key, when)
    need(signers, "somebody who is trusted signed it")
    return body, signers


def read_policy(text):
    """Logs, witnesses by name, groups by name, and the name whose witnesses are enough."""
    logs, witnesses, groups, quorum, members, publics = [], {}, {}, None, set(), set()
    for line in text.split("\n"):
        words = [word for word in re.split("[ \t]", line) if word]
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "log" and len(words) in (2, 3):
            key = read_key(words[1])
            need(key[2] == 1 and key[3] not in publics, "a log's key")
            publics.add(key[3])
            logs.append(key)
        elif words[0] == "witness" and len(words) in (3, 4):
            key = read_key(words[2])
            need(key[2] == 4 and key[3] not in publics, "a witness's key")
            need(words[1] not in witnesses and words[1] not in groups and words[1] != "none", "a name")
            publics.add(key[3])
            witnesses[words[1]] = key
        elif words[0] == "group" and len(words) >= 4:
            name, least, inside = words[1], words[2], words[3:]
            need(name not in witnesses and name not in groups and name != "none", "a name")
            for one in inside:
                need((one in witnesses or one in groups) and one not in members, "a member of a group")
                members.add(one)
            count = {"any": 1, "all": len(inside)}.get(least)
            if count is None:
                need(NUMBER.match(least), "a threshold")
                count = int(least)
            need(1 <= count <= len(inside), "a threshold")
            groups[name] = (count, inside)
        elif words[0] == "quorum" and len(words) == 2 and quorum is None:
            need(words[1] == "none" or words[1] in witnesses or words[1] in groups, "a quorum")
            quorum = words[1]
        else:
            raise Wrong(f"a line of the policy: {line}")
    need(quorum is not None, "a policy has a quorum")
    need(len(publics) <= 65 and len(groups) <= 64, "a policy that is short")
    return logs, witnesses, groups, quorum


def check_checkpoint(text, policy):
    """A checkpoint that the policy trusts: origin, size, root, and when witnesses saw it."""
    logs, witnesses, groups, quorum = policy
    body, signers = check_note(text, [*logs, *witnesses.values()])
    lines = body.split("\n")
    need(len(lines) >= 4 and lines[0] and lines[-1] == "" and all(lines[3:-1]), "a checkpoint's lines")
    need(NUMBER.match(lines[1]) and int(lines[1]) < 2**63, "a checkpoint's size")
    origin, size, root = lines[0], int(lines[1]), unbase64(lines[2], 32)
    need(size > 0 or root == sha256(), "the root of an empty log")
    need(
        any(key in signers and key[0] == origin for key in logs),
        "a log that is trusted signed the checkpoint",
    )
    seen = {name: signers[key] for name, key in witnesses.items() if key in signers}

    def has_seen(name):
        if name in witnesses:
            return name in seen
        count, inside = groups[name]
        return sum(has_seen(one) for one in inside) >= count

    need(quorum == "none" or has_seen(quorum), "enough witnesses cosigned the checkpoint")
    return origin, size, root, seen


# -- the tree -----------------------------------------------------------------------------------------------------


def root_from(index, size, leaf, hashes):
    """The root that a leaf and the hashes from it lead to (RFC 9162, 2.1.3.2)."""
    need(0 <= index < size, "a leaf of the tree")
    fn, sn, known = index, size - 1, leaf
    for one in hashes:
        need(sn != 0, "no hash too many")
        if fn & 1 or fn == sn:
            known = sha256(b"\x01", one, known)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            known = sha256(b"\x01", known, one)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "no hash too few")
    return known


def entry_of(kind, key, record, salt):
    said = {"kind": kind, "key": key, "record": record}
    canonical = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(salt, canonical.encode())


def check_proof(text, entry, policy):
    """A tlog-proof of an entry: what :func:`check_checkpoint` says of the checkpoint in it."""
    _, index, hashes, checkpoint = read_proof(text)
    origin, size, root, seen = check_checkpoint(checkpoint, policy)
    need(root_from(index, size, sha256(b"\x00", entry), hashes) == root, "the proof leads to the signed root")
    return origin, size, seen


def read_proof(text):
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    need(blank and lines[0] == "c2sp.org/tlog-proof@v1" and len(lines) > 1, "a proof")
    del lines[0]
    extra = unbase64(lines.pop(0)[6:]) if lines[0].startswith("extra ") else None
    need(lines and lines[0].startswith("index ") and NUMBER.match(lines[0][6:]), "a proof's index")
    need(len(lines) <= 64, "a proof's hashes")
    return extra, int(lines[0][6:]), [unbase64(line, 32) for line in lines[1:]], checkpoint


# -- files --------------------------------------------------------------------------------------------------------


def load(content):
    def no_float(text):
        raise Wrong(f"the number {text} is not whole")

    def once(pairs):
        need(len({name for name, _ in pairs}) == len(pairs), "a name is there twice")
        return dict(pairs)

    try:
        said = json.loads(content, parse_float=no_float, parse_constant=no_float, object_pairs_hook=once)
        json.dumps(said, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Wrong("not JSON") from None
    need(isinstance(said, dict), "an object")
    return said


def field(said, name, kind):
    value = said.get(name)
    need(isinstance(value, kind) and not isinstance(value, bool), f"'{name}' is there")
    return value


def check_receipt(said, policy):
    need(said.get("format") == "tanpuhui-receipt/1", "a receipt")
    kind, key, record = field(said, "kind", str), field(said, "key", str), field(said, "record", dict)
    entry = entry_of(kind, key, record, unbase64(field(said, "salt", str), 32))
    origin, size, seen = check_proof(field(said, "proof", str), entry, policy)
    if "body" in said:
        text = json.dumps(said["body"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        digest = "sha256:" + sha256(text.encode()).hex()
        need(
            digest in (record.get("manifest"), record.get("digest")),
            "the body has the digest that was logged",
        )
    return {"kind": kind, "key": key, "record": record, "log": origin, "leaves": size, "witnesses": seen}


def check_share(said, policy):
    share, lot = field(said, "share", dict), check_receipt(field(said, "lot", dict), policy)
    kind, key, record = field(share, "kind", str), field(share, "key", str), field(share, "record", dict)
    need(lot["kind"] == "lot" and kind == "share" and record.get("lot") == lot["key"], "a share of this lot")
    index, size = field(share, "index", int), field(share, "size", int)
    need(type(lot["record"].get("shares")) is int and size == lot["record"]["shares"], "a share of as many")
    root = field(lot["record"], "shares_root", str)
    need(re.match(r"([0-9a-fA-F]{2}){32}\Z", root), "a root of shares")
    leaf = sha256(b"\x00", entry_of(kind, key, record, unbase64(field(share, "salt", str), 32)))
    hashes = [unbase64(one, 32) for one in share.get("hashes") or []]
    need(root_from(index, size, leaf, hashes) == bytes.fromhex(root), "the share is in the lot")
    return [{**lot, "kind": kind, "key": key, "record": record}, lot]


def check_document(said, policy):
    if said.get("format") == "tanpuhui-receipt/1":
        return [check_receipt(said, policy)]
    if said.get("format") == "tanpuhui-share/1":
        return check_share(said, policy)
    need(said.get("format") == "tanpuhui-bundle/1", "a format that is known")
    documents = field(said, "documents", list)
    need(1 <= len(documents) <= 10_000, "documents")
    proved = {}
    for one in documents:
        need(isinstance(one, dict) and one.get("format") != "tanpuhui-bundle/1", "a document")
        for found in check_document(one, policy):
            proved.setdefault((found["kind"], found["key"]), found)
    check_serials(list(proved.values()))
    return list(proved.values())


def check_serials(proved):
    """What was retired of a lot is in its serials, and no serial twice."""
    lots = {
        one["key"]: [field(one["record"], name, int) for name in ("serial_first", "serial_last")]
        for one in proved
        if one["kind"] == "lot"
    }
    used = {}
    for one in proved:
        if one["kind"] == "retirement":
            lot = field(one["record"], "lot", str)
            first, last = field(one["record"], "serial_first", int), field(one["record"], "serial_last", int)
            need(first <= last, "serials")
            least, most = lots.get(lot, [first, last])
            need(least <= first and last <= most, "serials of the lot")
            need(
                not any(first <= b and a <= last for a, b in used.get(lot, [])), "no serial is retired twice"
            )
            used.setdefault(lot, []).append((first, last))


def check_file(content, policy_text, record=None):
    """Everything that a file proves; :class:`Wrong` unless all of it holds."""
    need(len(content) <= 20_000_000, "a file that is not too long")
    policy = read_policy(policy_text)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Wrong("not UTF-8") from None
    if text.startswith("c2sp.org/tlog-proof@v1"):
        need(record is not None, "the record of the proof: name it with --record")
        said = load(record)
        kind, key, content = field(said, "kind", str), field(said, "key", str), field(said, "record", dict)
        salt = read_proof(text)[0]
        need(salt is not None and len(salt) == 32, "a salt")
        origin, size, seen = check_proof(text, entry_of(kind, key, content, salt), policy)
        return [
            {"kind": kind, "key": key, "record": content, "log": origin, "leaves": size, "witnesses": seen}
        ]
    if not text.startswith("{"):
        origin, size, _, seen = check_checkpoint(text, policy)
        return [
            {
                "kind": "checkpoint",
                "key": str(size),
                "record": {},
                "log": origin,
                "leaves": size,
                "witnesses": seen,
            }
        ]
    return check_document(load(content), policy)


def main(words):
    files = {}
    while len(words) >= 2 and words[-2] in ("--policy", "--record"):
        files[words[-2]] = words[-1]
        words = words[:-2]
    if len(words) != 1 or "--policy" not in files:
        sys.stderr.write(__doc__)
        return 2
    try:
        content = Path(words[0]).read_bytes()
        policy = Path(files["--policy"]).read_text(encoding="utf-8")
        record = Path(files["--record"]).read_bytes() if "--record" in files else None
        proved = check_file(content, policy, record)
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"cannot be read: {error}\n")
        return 2
    except Wrong as wrong:
        sys.stderr.write(f"DOES NOT HOLD: {wrong}\n")
        return 2
    json.dump({"holds": True, "proved": proved}, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
