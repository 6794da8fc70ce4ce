#!/usr/bin/env python3
"""Verify a certificate of a personal carbon account platform: one file, no network, no database.

    pip install cryptography
    python verify_certificate.py CERTIFICATE --policy POLICY [--record RECORD]
    python verify_certificate.py CREDENTIAL --issuer KEYS --status-list LIST [--policy POLICY]
                                 [--audience YOU --nonce NONCE] [--needs-log] [--record RECORD]

CERTIFICATE is a receipt, a share, a bundle (JSON), a ``.tlog-proof`` or a checkpoint; CREDENTIAL an SD-JWT VC, or a PDF
that has one in it. POLICY is the text file that says which log and which witnesses you trust, and how many of them are
enough (https://c2sp.org/tlog-policy). KEYS is what the issuer publishes at /.well-known/jwt-vc-issuer, LIST the status
list that the credential names. Get POLICY and KEYS from somebody other than whoever gave you the certificate.

Exit status: 0 everything holds, 2 something does not. What is printed was proved; nothing else was.
Formats: c2sp.org signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof, tlog-policy; RFC 6962 for the tree;
RFC 9901 (SD-JWT), SD-JWT VC, Token Status List; ES256 alone.
"""

import base64
import hashlib
import json
import re
import sys
import time
import zlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

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
    known = {}
    for key in keys:
        need(known.setdefault(key[:2], key) == key, "no two keys of a name have one hash")
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


# -- credentials --------------------------------------------------------------------------------------------------

KINDS = {
    f"urn:tanpuhui:{name}:1"
    for name in (
        "balance-statement",
        "retirement-certificate",
        "surrender-certificate",
        "account-portability",
    )
}
#: What the issuer never leaves to the holder to show.
NEVER = {"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status", "aud"}
JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
STREAM = re.compile(rb"stream\r?\n")
LEEWAY = 60


def unbase64url(text):
    need(isinstance(text, str) and re.match(r"[A-Za-z0-9_-]*\Z", text) and len(text) % 4 != 1, "base64url")
    found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(base64.urlsafe_b64encode(found).decode().rstrip("=") == text, "base64url is written in one way")
    return found


def digest_of(text):
    return base64.urlsafe_b64encode(sha256(text.encode())).decode().rstrip("=")


def unpack(text):
    def once(pairs):
        need(len({name for name, _ in pairs}) == len(pairs), "a name is there twice")
        return dict(pairs)

    def no_number(text):
        raise ValueError(text)

    try:
        found = json.loads(unbase64url(text), object_pairs_hook=once, parse_constant=no_number)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Wrong("a part is not JSON") from None
    return found


def ec_key(said):
    need(isinstance(said, dict) and said.get("kty") == "EC" and said.get("crv") == "P-256", "a key on P-256")
    x, y = (unbase64url(said.get(name)) for name in "xy")
    try:
        key = ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
        ).public_key()
    except ValueError:
        raise Wrong("a key on P-256") from None
    named = {"crv": "P-256", "kty": "EC", "x": said["x"], "y": said["y"]}
    return digest_of(json.dumps(named, sort_keys=True, separators=(",", ":"))), key


def check_jwt(token, kind, keys, what):
    """The claims of a JWT of a kind. ``keys`` are by name, or the one key that it must be."""
    need(isinstance(token, str) and JWT.match(token), f"{what} is a JWT")
    head, body, signature = token.split(".")
    header = unpack(head)
    need(isinstance(header, dict) and header.get("alg") == "ES256", f"{what} is signed by ES256")
    need(header.get("typ") == kind, f"{what} is of the type {kind}")
    need("crit" not in header, f"{what} asks for nothing unknown")
    key = keys
    if isinstance(keys, dict):
        need(
            isinstance(header.get("kid"), str) and header["kid"] in keys,
            f"{what} is signed by a key of the issuer",
        )
        key = keys[header["kid"]]
    raw = unbase64url(signature)
    need(len(raw) == 64, f"the signature of {what}")
    signed = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        key.verify(signed, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise Wrong(f"the signature of {what} is not of this text") from None
    claims = unpack(body)
    need(isinstance(claims, dict), f"{what} has claims")
    return claims


def read_credential(text):
    """The issuer's JWT, disclosures, the holder's proof, and receipts of the log."""
    if not text.startswith("{"):
        parts = text.split("~")
        need(len(parts) >= 2 and all(parts[1:-1]), "a credential has parts with '~' between")
        return parts[0], parts[1:-1], parts[-1], []
    said = load(text)
    need("signatures" not in said, "one signature")
    header = field(said, "header", dict)
    jwt = ".".join(field(said, name, str) for name in ("protected", "payload", "signature"))
    disclosures, receipts = header.get("disclosures", []), header.get("receipts", [])
    bound = header.get("kb_jwt", "")
    need(
        isinstance(disclosures, list) and all(isinstance(one, str) and one for one in disclosures),
        "disclosures",
    )
    need(isinstance(receipts, list) and all(isinstance(one, dict) for one in receipts), "receipts")
    need(isinstance(bound, str), "a proof of the holder")
    return jwt, disclosures, bound, receipts


def reveal(payload, disclosures):
    """The claims that are shown; nothing twice, nothing without its place."""
    need(len(disclosures) <= 10_000, "a credential that is not too long")
    need(payload.get("_sd_alg", "sha-256") == "sha-256", "digests are SHA-256")
    opened = {}
    for one in disclosures:
        said = unpack(one)
        need(isinstance(said, list) and len(said) in (2, 3) and isinstance(said[0], str), "a disclosure")
        need(digest_of(one) not in opened, "one claim is shown once")
        opened[digest_of(one)] = said
    seen, used = set(), set()

    def take(one, members):
        need(isinstance(one, str) and one not in seen, "a digest is there once")
        seen.add(one)
        if one not in opened:
            return None
        need(len(opened[one]) == members, "a disclosure of the kind of its place")
        used.add(one)
        return opened[one]

    def walk(value, deep):
        need(deep <= 32, "claims are not that deep")
        if isinstance(value, list):
            found = []
            for one in value:
                if isinstance(one, dict) and set(one) == {"..."}:
                    shown = take(one["..."], 2)
                    found += [] if shown is None else [walk(shown[1], deep + 1)]
                else:
                    found.append(walk(one, deep + 1))
            return found
        if not isinstance(value, dict):
            return value
        need(
            "..." not in value and ("_sd_alg" not in value or deep == 0),
            "names are where they mean something",
        )
        said = {name: walk(one, deep + 1) for name, one in value.items() if name not in ("_sd", "_sd_alg")}
        digests = value.get("_sd", [])
        need(isinstance(digests, list), "digests")
        for one in digests:
            shown = take(one, 3)
            if shown is not None:
                name = shown[1]
                need(isinstance(name, str) and name not in ("_sd", "_sd_alg", "..."), "a claim has a name")
                need(deep or name not in NEVER, f"the claim '{name}' is not the holder's to show")
                need(name not in said, f"the claim '{name}' is there once")
                said[name] = walk(shown[2], deep + 1)
        return said

    claims = walk(payload, 0)
    need(len(used) == len(opened), "every shown claim was signed, and not altered since")
    return claims


def whole(value):
    return type(value) is int


def moment(at):
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    except (OverflowError, ValueError, OSError):
        return str(at)


def check_status(claims, issuer, keys, lists, at):
    """``valid`` and until when the list may be relied on, or ``without`` when there is no status."""
    if "status" not in claims:
        return "without", None
    place = claims["status"].get("status_list") if isinstance(claims["status"], dict) else None
    need(isinstance(place, dict) and whole(place.get("idx")), "a place in a status list")
    newest = None
    for token in lists:
        said = check_jwt(token.strip(), "statuslist+jwt", keys, "the status list")
        need(said.get("iss", issuer) == issuer, "the status list is the issuer's")
        since, until, keep = said.get("iat"), said.get("exp"), said.get("ttl")
        need(whole(since) and since <= at + LEEWAY, "the status list was signed, and not in the future")
        ends = ([until] if whole(until) else []) + ([since + keep] if whole(keep) else [])
        need(ends and min(ends) > at, "the status list is fresh: download it again")
        if said.get("sub") == place.get("uri") and (newest is None or since > newest[0]):
            newest = since, min(ends), field(said, "status_list", dict)
    need(newest is not None, f"its status list {place.get('uri')} is there: name it with --status-list")
    _, until, packed = newest
    bits = packed.get("bits")
    need(whole(bits) and bits in (1, 2, 4, 8), "bits of a status list")
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(unbase64url(packed.get("lst")), 4_194_304)
    except zlib.error:
        raise Wrong("the status list is packed with zlib") from None
    need(unpacker.eof and not unpacker.unused_data, "the status list is whole")
    need(0 <= place["idx"] < len(content) * 8 // bits, "the place is in the status list")
    byte, shift = divmod(place["idx"] * bits, 8)
    state = content[byte] >> shift & ((1 << bits) - 1)
    need(state != 1, "it is not revoked")
    need(state != 2, "it is not suspended")
    need(state == 0, "its status is known")
    return "valid", until


def merge(ranges):
    """Serial numbers of each lot, joined where they touch; none twice."""
    found = {}
    for one in ranges if isinstance(ranges, list) else [None]:
        need(isinstance(one, dict), "serial numbers")
        first, last = one.get("serial_first"), one.get("serial_last")
        need(
            isinstance(one.get("lot"), str) and whole(first) and whole(last) and first <= last,
            "serial numbers",
        )
        found.setdefault(one["lot"], []).append((first, last))
    for lot, each in found.items():
        joined = []
        for first, last in sorted(each):
            need(not joined or first > joined[-1][1], "no serial number is there twice")
            if joined and first == joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], last)
            else:
                joined.append((first, last))
        found[lot] = joined
    return found


def check_logged(claims, logged, needs_log):
    """The log's receipts are of exactly these serial numbers."""
    if "ranges" not in claims and not logged and not needs_log:
        return
    need(logged and "ranges" in claims, "serial numbers come with the log's proof of them")
    ranges = merge(claims["ranges"])
    count = sum(last - first + 1 for each in ranges.values() for first, last in each)
    need("tonnes" not in claims or claims["tonnes"] == count, "there are as many serial numbers as tonnes")
    need(
        all(one["kind"] in ("retirement", "surrender") for one in logged), "the log's proof is of retirements"
    )
    retired = [one["record"] for one in logged if one["kind"] == "retirement"]
    orders = {str(one["record"].get("order")) for one in logged if one["kind"] == "retirement"}
    surrendered = [one["record"] for one in logged if one["kind"] == "surrender"]
    names = {f"surrender:{one['key']}" for one in logged if one["kind"] == "surrender"}
    need(merge(retired) == ranges, "the log's proof is of these serial numbers")
    if claims["vct"] != "urn:tanpuhui:surrender-certificate:1":
        need(not surrendered, "the log's proof is of a retirement")
        need(not any(one.startswith("surrender:") for one in orders), "no surrender retired these serials")
        return
    need(
        len(surrendered) == 1 and merge(surrendered[0].get("ranges")) == ranges,
        "the log's proof is of this surrender",
    )
    need(
        "year" not in claims or claims["year"] == surrendered[0].get("year"),
        "the surrender was for this year",
    )
    need(orders == names, "what was surrendered was retired by that surrender")


def check_credential(text, trusted, policy, record):
    """Everything that a credential shows. ``trusted``: issuer, status_lists, audience, nonce, needs_log, at."""
    need(trusted.get("issuer"), "the issuer's keys: name them with --issuer")
    said = load(trusted["issuer"])
    issuer = field(said, "issuer", str)
    keys = dict(ec_key(one) for one in field(field(said, "jwks", dict), "keys", list))
    at, audience, nonce = trusted.get("at", int(time.time())), trusted.get("audience"), trusted.get("nonce")
    jwt, disclosures, bound, receipts = read_credential(text.strip())
    payload = check_jwt(jwt, "dc+sd-jwt", keys, "the credential")
    need(payload.get("iss") == issuer, "the credential is the issuer's")
    claims = reveal(payload, disclosures)
    need(isinstance(claims.get("vct"), str) and claims["vct"] in KINDS, "a kind of credential that is known")
    need(all(claims.get(one) is None or whole(claims[one]) for one in ("nbf", "iat", "exp")), "times")
    need(claims.get("nbf") is None or claims["nbf"] <= at, "the credential is good already")
    need(claims.get("iat") is None or claims["iat"] <= at + LEEWAY, "the credential is not from the future")
    need(claims.get("exp") is None or claims["exp"] > at, "the credential is still good")
    need(
        ("cnf" in claims and claims["cnf"] is not None) or not bound,
        "a proof of a key only where there is one",
    )
    holder = claims.get("cnf") is not None
    if holder:
        need(isinstance(claims["cnf"], dict) and bound, "its holder proves the key that it is bound to")
        proof = check_jwt(bound, "kb+jwt", ec_key(claims["cnf"].get("jwk"))[1], "the holder's proof")
        need(
            proof.get("sd_hash") == digest_of("~".join([jwt, *disclosures, ""])),
            "the holder's proof is of this",
        )
        need(whole(proof.get("iat")) and proof["iat"] <= at + LEEWAY, "the holder's proof says when")
        need(
            audience is not None and proof.get("aud") == audience, "the holder showed it to you (--audience)"
        )
        need(nonce is not None and proof.get("nonce") == nonce, "the holder answered your nonce (--nonce)")
    need("aud" not in claims or claims["aud"] == audience, "it is for you (--audience)")
    status, until = check_status(claims, issuer, keys, trusted.get("status_lists", ()), at)
    need(not receipts or policy is not None, "whom to trust: name it with --policy")
    logged = [check_receipt(one, policy) for one in receipts]
    if claims["vct"] in ("urn:tanpuhui:retirement-certificate:1", "urn:tanpuhui:surrender-certificate:1"):
        check_logged(claims, logged, trusted.get("needs_log", False))
    else:
        need(not logged, "only what is in the log has receipts")
    digest = None if record is None else "sha256:" + sha256(record).hex()
    need(record is None or claims.get("record_digest") == digest, "the record has the digest that was signed")
    first = logged[0] if logged else {"log": "", "leaves": 0, "witnesses": {}}
    return [
        {
            "kind": claims["vct"],
            "key": str(claims.get("number", "")),
            "record": claims,
            **{name: first[name] for name in ("log", "leaves", "witnesses")},
            "checked": {
                "status": status,
                "status_until": None if until is None else moment(until),
                "holder": "proved" if holder else "not asked for",
                "log": "proved" if logged else "not shown",
            },
        },
        *logged,
    ]


def streams(pdf):
    """What is between ``stream`` and ``endstream``, looked at once: a file made to be slow is not."""
    at = 0
    while (begin := STREAM.search(pdf, at)) and (end := pdf.find(b"\nendstream", begin.end() - 1)) >= 0:
        yield pdf[begin.end() : end].removesuffix(b"\r")
        at = end + len(b"\nendstream")


def attached(pdf):
    """The one credential that a PDF has in it."""
    found = set()
    for number, stream in enumerate(streams(pdf)):
        need(number < 1_000, "a PDF with fewer streams")
        content = stream
        if content.startswith((b"x\x9c", b"x\xda", b"x\x01", b"x^")):
            try:
                content = zlib.decompressobj().decompress(content, 5_000_000)
            except zlib.error:
                continue
        if content.lstrip().startswith(b"{") and b'"protected"' in content and b'"payload"' in content:
            found.add(content)
    need(len(found) == 1, "a PDF with one credential in it")
    return found.pop()


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
    said_hashes = share.get("hashes") or []
    need(isinstance(said_hashes, list), "hashes")
    hashes = [unbase64(one, 32) for one in said_hashes]
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
    proved, logs = {}, set()
    for one in documents:
        need(isinstance(one, dict) and one.get("format") != "tanpuhui-bundle/1", "a document")
        for found in check_document(one, policy):
            known = proved.setdefault((found["kind"], found["key"]), found)
            need(known["record"] == found["record"], "what is there twice says the same")
            logs.add(found["log"])
    need(len(logs) == 1, "documents of one log")
    check_serials(list(proved.values()))
    return list(proved.values())


def check_serials(proved):
    """A serial is in its lot, retired or cancelled once, surrendered once, and by the surrender that retired it."""

    def serials(said, lot):
        need(isinstance(said, dict), "serials")
        first, last = field(said, "serial_first", int), field(said, "serial_last", int)
        need(first <= last, "serials")
        return (field(said, "lot", str) if lot is None else lot), first, last

    lots = {one["key"]: serials(one["record"], one["key"]) for one in proved if one["kind"] == "lot"}
    ended = [
        (*serials(one["record"], None), one["record"].get("order"))
        for one in proved
        if one["kind"] in ("retirement", "cancellation")
    ]
    surrendered = [
        (*serials(each, None), f"surrender:{one['key']}")
        for one in proved
        if one["kind"] == "surrender"
        for each in field(one["record"], "ranges", list)
    ]
    for lot, first, last, _ in [*ended, *surrendered]:
        _, least, most = lots.get(lot, (lot, first, last))
        need(least <= first and last <= most, "serials of the lot")

    def twice(one, other):
        return one[0] == other[0] and one[1] <= other[2] and other[1] <= one[2]

    for uses, what in ((ended, "retired"), (surrendered, "surrendered")):
        ordered = sorted(uses, key=lambda one: one[:3])
        need(not any(map(twice, ordered, ordered[1:])), f"no serial is {what} twice")
    for one in surrendered:
        need(
            all(one[3] == other[3] for other in ended if twice(one, other)),
            "what was surrendered was retired by that surrender",
        )
        retired = sum(
            min(one[2], other[2]) - max(one[1], other[1]) + 1 for other in ended if twice(one, other)
        )
        need(
            one[0] not in lots or retired == one[2] - one[1] + 1,
            "what was surrendered of a lot that is here was retired, and that is here too",
        )


def check_file(content, policy_text, record=None, trusted=None):
    """Everything that a file proves; :class:`Wrong` unless all of it holds."""
    try:
        return check_content(content, policy_text, record, trusted)
    except RecursionError:
        raise Wrong("deeper than any file") from None


def check_content(content, policy_text, record, trusted):
    need(len(content) <= 20_000_000, "a file that is not too long")
    policy = None if policy_text is None else read_policy(policy_text)
    if content.startswith(b"%PDF-"):
        content = attached(content)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Wrong("not UTF-8") from None
    is_json = text.lstrip().startswith("{")
    if {"payload", "protected"} <= set(load(content)) if is_json else JWT.match(text.strip().split("~")[0]):
        return check_credential(text, trusted or {}, policy, record)
    need(policy is not None, "whom to trust: name it with --policy")
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
    given, lists, plain, flags = {}, [], [], set()
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "--needs-log":
            flags.add(word)
        elif word == "--status-list" and words:
            lists.append(words.pop(0))
        elif word in ("--policy", "--record", "--issuer", "--audience", "--nonce") and words:
            given[word] = words.pop(0)
        else:
            plain.append(word)
    if len(plain) != 1 or plain[0].startswith("--") or not {"--policy", "--issuer"} & set(given):
        sys.stderr.write(__doc__)
        return 2
    try:
        content = Path(plain[0]).read_bytes()
        texts = {
            name: Path(given[name]).read_text(encoding="utf-8")
            for name in ("--policy", "--issuer")
            if name in given
        }
        record = Path(given["--record"]).read_bytes() if "--record" in given else None
        trusted = {
            "issuer": texts.get("--issuer"),
            "status_lists": [Path(one).read_text(encoding="utf-8") for one in lists],
            "audience": given.get("--audience"),
            "nonce": given.get("--nonce"),
            "needs_log": bool(flags),
        }
        proved = check_file(content, texts.get("--policy"), record, trusted)
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
