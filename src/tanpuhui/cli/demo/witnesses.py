"""Witnesses: three of them look at a demonstration's log, each with a home and a key of its own; two are enough.

While the city is made they are asked in this process; ``tanpuhui serve --inbox`` then has each of them in a process
beside the server. In a real city they are somebody else's, on somebody else's machine.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tanpuhui.cli import server
from tanpuhui.kit.files import write_bytes
from tanpuhui.kit.refusal import Refusal
from tanpuhui.notary import installation
from tanpuhui.notary.documents import receipt_of
from tanpuhui.notary.keep import integrate
from tanpuhui.notary.keep import witness as keep_witnesses
from tanpuhui.transparency import note
from tanpuhui.transparency.cosign import Ask, is_trusted
from tanpuhui.transparency.models import Leaf
from tanpuhui.transparency.policy import Policy
from tanpuhui.transparency.proof import read_proof
from tanpuhui.transparency.verify import verify_file
from tanpuhui.transparency.witness import Answer
from tanpuhui.transparency.witness_home import WitnessHome

#: Who they are, in the policy and in full; of these so many are enough.
NAMES = {
    "university": "university.demo.invalid",
    "newspaper": "newspaper.demo.invalid",
    "bank": "bank.demo.invalid",
}
ENOUGH = 2
#: Where they answer: a port that is free when the city is made.
PORTS = range(8100, 9000)
#: What of the city is proved as a stranger would: the first of these that it has.
PROVED = ("surrender", "lot", "close")


@dataclass(frozen=True)
class Witnessed:
    """What came of it. ``alone`` is the code by which a proof with one witness is refused; empty: it was not."""

    leaves: int
    without_one: bool
    cosigned: tuple[str, ...]
    proved: str
    seen_by: tuple[str, ...]
    alone: str
    seconds: float

    @property
    def is_right(self) -> bool:
        """Two were enough, all three signed in the end, the receipt holds, and with one witness it does not."""
        return (
            self.without_one
            and len(self.cosigned) == len(NAMES)
            and len(self.seen_by) >= ENOUGH
            and self.alone == "transparency.quorum_missing"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "leaves": self.leaves,
            "policy": f"{ENOUGH} of {len(NAMES)}",
            "met_while_one_was_away": self.without_one,
            "cosigned": list(self.cosigned),
            "proved": self.proved,
            "seen_by": list(self.seen_by),
            "with_one_witness": self.alone,
            "seconds": round(self.seconds, 2),
        }


def appoint(home: Path) -> None:
    """Give each witness a home, a key and a port, have it know the log, and ask for two of them from now on."""
    log = installation.log().key.verifier
    ports = iter(random.sample(PORTS, len(PORTS)))
    lines = [f"log {log}"]
    for name, full in NAMES.items():
        place = server.witnesses_of(home) / name
        place.mkdir(mode=0o700, parents=True)
        own = WitnessHome(place)
        key = own.name(full)
        own.trust(str(log))
        port = next(port for port in ports if server.is_free("127.0.0.1", port))
        write_bytes(place / server.PORT, str(port).encode())
        lines.append(f"witness {name} {key} http://127.0.0.1:{port}")
    lines += [f"group demo {ENOUGH} {' '.join(NAMES)}", "quorum demo", ""]
    installation.set_policy("\n".join(lines))


def have_it_witnessed(home: Path) -> Witnessed:
    """Enter what happened, have it seen by all but one witness, then by all; prove a fact as a stranger would."""
    began = time.monotonic()
    _, checkpoint = integrate()
    keep_witnesses(asking(home, away=next(iter(NAMES))))
    policy = installation.policy()
    without_one = is_trusted(policy)
    keep_witnesses(asking(home))
    leaf = _newest()
    receipt = receipt_of(installation.log(), leaf.kind, leaf.key)
    (proved,) = verify_file(_file(receipt), policy)
    return Witnessed(
        leaves=checkpoint.size,
        without_one=without_one,
        cosigned=tuple(sorted(checkpoint.cosignatures.values_list("witness", flat=True))),
        proved=f"{leaf.kind} {leaf.key}",
        seen_by=tuple(sorted(proved.seen_s)),
        alone=_refused(seen_by_one(receipt), policy),
        seconds=time.monotonic() - began,
    )


def asking(home: Path, *, away: str = "") -> Ask:
    """Asks a witness at its home instead of over HTTP; the one that is away does not answer."""
    known = {
        f"http://127.0.0.1:{(place / server.PORT).read_text()}": place
        for place in server.witnesses_of(home).iterdir()
    }

    def ask(url: str, body: str) -> Answer:
        place = known[url]
        if place.name == away:
            return Answer(0, "it is away")
        return WitnessHome(place).witness().add_checkpoint(body.encode(), at_s=int(time.time()))

    return ask


def seen_by_one(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """The same receipt with the log's signature and that of one witness alone."""
    proof = read_proof(receipt["proof"])
    read = note.read(proof.checkpoint)
    own = read.text.partition("\n")[0]
    first = next(one for one in read.signatures if one.name != own)
    kept = tuple(one for one in read.signatures if one.name in (own, first.name))
    checkpoint = str(note.Note(read.text, kept))
    return {**receipt, "proof": str(replace(proof, checkpoint=checkpoint))}


def _newest() -> Leaf:
    """What is proved: the newest surrender, or in a small city a lot or a close."""
    found = (Leaf.objects.filter(kind=kind).order_by("-index").first() for kind in PROVED)
    return next(leaf for leaf in found if leaf is not None)


def _refused(receipt: Mapping[str, Any], policy: Policy) -> str:
    """The code with which a receipt is refused; empty if it was not, which the summary shows."""
    try:
        verify_file(_file(receipt), policy)
    except Refusal as refusal:
        return refusal.code
    return ""


def _file(receipt: Mapping[str, Any]) -> bytes:
    return json.dumps(receipt, ensure_ascii=False).encode()
