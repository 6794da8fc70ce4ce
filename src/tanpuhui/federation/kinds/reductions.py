"""Reductions: what a close credited, as sums for each methodology. Nobody's account, name or pseudonym is in it.

A line has the root of a tree over the shares of that close, with salts of the district's: later, one share can be shown
to be in it, and until then it tells nothing.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from typing import Any

from tanpuhui.close.inputs import read_credits
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.post import key_parts
from tanpuhui.close.standing import applied
from tanpuhui.federation.kinds import Kind
from tanpuhui.federation.message import Message, day_of, objects, text, whole
from tanpuhui.federation.models import Peer
from tanpuhui.federation.peer import owner_of
from tanpuhui.federation.refusals import BadMessage
from tanpuhui.kit.digest import canonical_json
from tanpuhui.kit.home import secret_key
from tanpuhui.methodology.load import Library
from tanpuhui.registry.certify import status_of
from tanpuhui.registry.certify_reported import WORST_LAST
from tanpuhui.registry.report import ReportOrder, report
from tanpuhui.transparency.merkle import hash_leaf, root_of

KEY = "federation-shares"
#: Of fewer accounts their number is not said.
LEAST_ACCOUNTS = 10
#: No day of a district is more than a million tonnes of one methodology: whoever says more cannot fill the ledger's
#: accounts, which all districts share, to where the next one's report no longer fits.
MOST_MG = 10**15


def body_of(manifest: Manifest, places: Places, library: Library) -> dict[str, Any]:
    """What a district says of a close.

    Of a person who was erased before it was said nothing is said any more: their milligrams are certified nowhere.
    """
    shares: dict[str, list[tuple[int, int]]] = {}
    rows = read_credits(manifest.body["outputs"], places)
    columns = (rows["account_id"], rows["methodology"], rows["credited_mg"])
    for account, methodology, amount in zip(*(column.to_pylist() for column in columns), strict=True):
        shares.setdefault(methodology, []).append((account, amount))
    below = manifest.body["below_mg"]
    names = sorted({*shares, *(name for name, amount in below.items() if amount)})
    lines = [
        _line(manifest, name, sorted(shares.get(name, [])), below.get(name, 0), library) for name in names
    ]
    return {
        "of": manifest.day.isoformat(),
        "vintage": manifest.day.year,
        "manifest": manifest.digest,
        "credited_mg": sum(line["credited_mg"] for line in lines),
        "activities": manifest.activities,
        "lines": lines,
    }


def share_root(manifest: str, methodology: str, shares: list[tuple[int, int]]) -> bytes:
    """The root over who was credited how much, in the order of accounts, each with a salt of its own."""
    key = secret_key(KEY)
    leaves = []
    for account, amount in shares:
        said = canonical_json([manifest, methodology, account, amount])
        leaves.append(hash_leaf(said + hmac.new(key, said, sha256).digest()))
    return root_of(leaves)


def _line(
    manifest: Manifest, name: str, shares: list[tuple[int, int]], below_mg: int, library: Library
) -> dict[str, Any]:
    code, version = key_parts(name)
    used = applied(manifest, code, version)
    assert used is not None, "what a close credited it applied"
    return {
        "methodology": name,
        "digest": used["digest"],
        "status": status_of(library.get(code, version), manifest),
        "credited_mg": sum(amount for _, amount in shares),
        "below_mg": below_mg,
        "accounts": len(shares) if len(shares) >= LEAST_ACCOUNTS else 0,
        "shares": b64encode(share_root(manifest.digest, name, shares)).decode(),
    }


def _apply(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    """Take a district's close into our books; of a day that it reported before, the difference."""
    body = message.body
    lines = tuple(_read_line(line) for line in objects(body, "lines", most=1_000))
    order = ReportOrder(
        key=message.id,
        district=owner_of(peer),
        day=day_of(body, "of"),
        manifest=text(body, "manifest", most=71),
        credited_mg=whole(body, "credited_mg"),
        activities=whole(body, "activities"),
        lines=lines,
    )
    if order.day.year != whole(body, "vintage"):
        raise BadMessage(field="vintage", problem="it is not the year of the day.")
    report(order, at=at)
    return {"credited_mg": order.credited_mg}


def _read_line(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "methodology": methodology_said(line),
        "digest": text(line, "digest", most=71),
        "status": status_said(line),
        "credited_mg": whole(line, "credited_mg", most=MOST_MG),
        "below_mg": whole(line, "below_mg", most=MOST_MG),
        "accounts": whole(line, "accounts"),
        "shares": text(line, "shares", most=44),
    }


def methodology_said(body: dict[str, Any]) -> str:
    """A methodology version by its key."""
    methodology = text(body, "methodology", most=200)
    code, _, version = methodology.rpartition("@")
    if not code or not (version.isascii() and version.isdecimal()):
        raise BadMessage(field="methodology", problem="it is not written as code@version.")
    return methodology


def status_said(body: dict[str, Any]) -> str:
    """How good the numbers behind an amount are."""
    status = text(body, "status", most=20)
    if status not in WORST_LAST:
        raise BadMessage(field="status", problem=f"it is none of {', '.join(WORST_LAST)}.")
    return status


KIND = Kind("reductions", (Peer.DISTRICT,), _apply)
