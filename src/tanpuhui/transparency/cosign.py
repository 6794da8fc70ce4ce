"""Cosign: show the newest checkpoint to every witness of the policy, and keep what they sign.

A witness that is away, or refuses, keeps nobody up: the others are asked all the same, and it is asked again next time.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import httpx

from tanpuhui.kit.refusal import Refusal
from tanpuhui.transparency import note
from tanpuhui.transparency.checkpoint import DECIMAL
from tanpuhui.transparency.log import Log, newest_note
from tanpuhui.transparency.merkle import prove_consistency
from tanpuhui.transparency.models import SignedCheckpoint, WitnessCosignature
from tanpuhui.transparency.policy import Party, Policy, trust
from tanpuhui.transparency.witness import SIZE, Answer, write_request

#: How long a witness may take, in seconds.
TIMEOUT_S = 3.0
MOST_ANSWER = 20_000

#: Sends a request to a witness's address; answers what came back. Refuses nothing: a failure is an answer 0.
Ask = Callable[[str, str], Answer]


@dataclass(frozen=True)
class Asked:
    """What became of asking one witness: its line, or why there is none."""

    witness: str
    line: str = ""
    problem: str = ""


def ask_over_http(url: str, body: str) -> Answer:
    """POST to ``<url>/add-checkpoint``: no redirects, three seconds, a short answer."""
    try:
        with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False) as client:
            answer = client.post(f"{url.rstrip('/')}/add-checkpoint", content=body.encode())
            return Answer(
                answer.status_code, answer.text[:MOST_ANSWER], answer.headers.get("content-type", "")
            )
    except httpx.HTTPError as error:
        return Answer(0, f"{type(error).__name__}: {error}")


def ask_all(log: Log, checkpoint: SignedCheckpoint, policy: Policy, ask: Ask = ask_over_http) -> list[Asked]:
    """Ask every witness that has an address and has not cosigned this; all at once, outside a transaction."""
    signed = set(checkpoint.cosignatures.values_list("witness", flat=True))
    waiting = [one for one in policy.witnesses.values() if one.url and one.key.name not in signed]
    sizes = {
        one.key.name: (
            WitnessCosignature.objects.filter(witness=one.key.name)
            .order_by("-checkpoint_id")
            .values_list("checkpoint_id", flat=True)
            .first()
            or 0
        )
        for one in waiting
    }
    if not waiting:
        return []

    def ask_one(one: Party) -> Asked:
        text, size = checkpoint.note, checkpoint.size
        return _ask(log, text, size=size, witness=one, old=sizes[one.key.name], ask=ask)

    with ThreadPoolExecutor(len(waiting)) as pool:
        return list(pool.map(ask_one, waiting))


def keep(checkpoint: SignedCheckpoint, asked: list[Asked], *, at: datetime) -> int:
    """Keep the lines of witnesses, in the caller's transaction; answers how many are new."""
    new = 0
    for one in asked:
        if one.line:
            _, is_new = WitnessCosignature.objects.get_or_create(
                checkpoint=checkpoint, witness=one.witness, defaults={"line": one.line, "at": at}
            )
            new += is_new
    return new


def is_trusted(policy: Policy) -> bool:
    """Whether the newest checkpoint has what the policy asks for."""
    try:
        trust(newest_note(), policy)
    except Refusal:
        return False
    return True


def _ask(log: Log, text: str, *, size: int, witness: Party, old: int, ask: Ask) -> Asked:
    name = witness.key.name
    answer = ask(witness.url, _request(log, old, size, text))
    known = answer.text.strip()
    if answer.status == 409 and answer.kind.startswith(SIZE) and DECIMAL.fullmatch(known):
        if int(known) > size:
            return Asked(name, problem=f"it has seen {known} leaves, and this log has {size}")
        answer = ask(witness.url, _request(log, int(known), size, text))
    if answer.status != 200:
        return Asked(name, problem=f"{answer.status}: {answer.text.strip()[:200]}")
    return _verified(text, witness, answer.text)


def _request(log: Log, old: int, size: int, text: str) -> str:
    hashes = prove_consistency(size1=old, size2=size, subtree=log.tiles.subtree(size))
    return write_request(old, hashes, text)


def _verified(text: str, witness: Party, answered: str) -> Asked:
    """The witness's own line out of what it answered, once it is found right."""
    name = witness.key.name
    try:
        note.verify_with(text + answered, [witness.key])
        lines = [note.read_signature(line) for line in answered.splitlines()]
    except Refusal as refusal:
        return Asked(name, problem=str(refusal))
    own = next(one for one in lines if (one.name, one.key_id) == (name, witness.key.id))
    return Asked(name, line=str(own))
