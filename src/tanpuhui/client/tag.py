"""Tag: a provider's side of act tags: blind what an act is, have the platform evaluate it, and take the tag out.

The platform never sees what was blinded, and the provider never sees the platform's key; with the platform's public key
it is proved that the same key made every tag. Without the package ``voprf`` the platform gets a plain digest instead of
a blinded element: it could try out guesses, and its answer is believed.

    blinded = tag.blind(kind="ev_charge", thing="session-7", started_us=started, suite=tag.best_suite())
    answer = ...  # blinded.elements to the platform, its evaluations back
    tags = blinded.finish(answer, public_key)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from typing import Any

from tanpuhui.kit.act_tag import HMAC, SUITES, VOPRF, inputs_of
from tanpuhui.kit.refusal import Refusal


class BadEvaluation(Refusal):
    code = "client.bad_evaluation"
    message = "The platform's answer does not fit its public key: {why}. Use no such tag; ask the platform's operator."


class NoSuite(Refusal):
    code = "client.no_suite"
    message = (
        "This installation does not know {suite}. Install 'tanpuhui[voprf]', or agree on one of: {known}."
    )


@dataclass(frozen=True)
class Blinded:
    """Three elements to send, and what only this side knows to take the tags out of the answer."""

    suite: str
    elements: tuple[bytes, ...]
    _secrets: tuple[Any, ...] = field(repr=False)

    def finish(self, evaluations: Sequence[bytes], public_key: bytes = b"") -> tuple[bytes, ...]:
        """The three tags; refuses an answer that the public key did not make."""
        if len(evaluations) != len(self.elements):
            raise BadEvaluation(why=f"{len(evaluations)} evaluations of {len(self.elements)}")
        if self.suite == HMAC:
            return tuple(sha256(b"tag|" + one).digest() for one in evaluations)
        from voprf import ristretto

        try:
            key = ristretto.PublicKey.deserialize(public_key)
            return tuple(
                sha256(b"tag|" + secret.finalize(ristretto.VerifiableOutput.deserialize(one), key)).digest()
                for secret, one in zip(self._secrets, evaluations, strict=True)
            )
        except ValueError as error:
            raise BadEvaluation(why=str(error)) from error


def best_suite() -> str:
    """The oblivious suite where its package is installed."""
    return VOPRF if find_spec("voprf") else HMAC


def blind(*, kind: str, thing: str, started_us: int, suite: str) -> Blinded:
    """Blind what an act is; each time anew, so that nobody sees that two questions were about one act."""
    refuse_unknown(suite)
    inputs = inputs_of(kind, thing, started_us)
    if suite == HMAC:
        return Blinded(suite, tuple(sha256(one).digest() for one in inputs), ())
    from voprf import ristretto

    pairs = [ristretto.Client.blind(one) for one in inputs]
    return Blinded(suite, tuple(element.serialize() for _, element in pairs), tuple(one for one, _ in pairs))


def refuse_unknown(suite: str) -> None:
    """Refuse a suite that is none, or whose package is missing."""
    if suite not in SUITES or (suite == VOPRF and not find_spec("voprf")):
        raise NoSuite(suite=suite, known=", ".join(SUITES))
