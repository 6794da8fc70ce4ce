"""Act tag: the platform's side: evaluate blinded elements, and let each act be claimed once.

Equality is all that a tag tells: two providers that report one act have the same tags, and the second claim is refused.
The database holds it (a unique index over tag and epoch), whatever runs at once.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from importlib.util import find_spec
from typing import Any

from django.db import IntegrityError, transaction

from tanpuhui.evidence.models import ActClaim, ActTag
from tanpuhui.kit.act_tag import HMAC, VOPRF
from tanpuhui.kit.home import secret_key
from tanpuhui.kit.refusal import Refusal

KEY = "act-tags"
TAG_BYTES = 32
TAGS = 3


class ClaimedAlready(Refusal):
    code = "evidence.act_claimed_already"
    message = (
        "This act was claimed already in epoch {epoch}. If both reports are right, they are one act: leave the second "
        "out; if not, say to the operator which is wrong."
    )


class BadElement(Refusal):
    code = "evidence.bad_element"
    message = (
        "An element cannot be evaluated ({why}). Blind the act again with the suite {suite} and send that."
    )


class SuiteMissing(Refusal):
    code = "evidence.suite_missing"
    message = "This platform has no {suite}. Use {other}, or ask its operator to install 'tanpuhui[voprf]'."


class BadTags(Refusal):
    code = "evidence.bad_tags"
    message = "An act has three tags of 32 bytes, and these are others. Send those that the evaluation gave."


class OtherTags(Refusal):
    code = "evidence.claim_of_other_tags"
    message = (
        "Record {record} was claimed with other tags before. Correct it under a new id, or ask the operator."
    )


@dataclass(frozen=True)
class Evaluator:
    """What evaluates elements by one suite under this installation's key of an epoch.

    An epoch is a number of the scheme's choosing (a year): tags of different epochs never meet.
    """

    suite: str
    epoch: int

    @property
    def public_key(self) -> bytes:
        """With it providers prove that one key made all tags; of the keyed digest there is none."""
        return b"" if self.suite == HMAC else bytes(_voprf(self._secret).public_key.serialize())

    def evaluate(self, elements: Sequence[bytes]) -> list[bytes]:
        """The evaluations of elements, in their order; of the oblivious suite each has its proof."""
        if self.suite == HMAC:
            if any(len(one) != sha256().digest_size for one in elements):
                raise BadElement(why="its length", suite=self.suite)
            return [hmac.digest(self._secret, one, "sha256") for one in elements]
        server = _voprf(self._secret)
        from voprf import ristretto

        try:
            blinded = [ristretto.BlindedInput.deserialize(one) for one in elements]
            return [bytes(server.evaluate(one).serialize()) for one in blinded]
        except ValueError as error:
            raise BadElement(why=str(error), suite=self.suite) from error

    @property
    def _secret(self) -> bytes:
        return hmac.digest(secret_key(KEY), f"{self.suite}|{self.epoch}".encode(), "sha256")


def evaluator(epoch: int, suite: str = VOPRF) -> Evaluator:
    """The evaluator of an epoch."""
    return Evaluator(suite, epoch)


def claim(provider: str, record: str, tags: Sequence[bytes], *, epoch: int, at: datetime) -> ActClaim:
    """Claim an act for one provider's record; the same again is the same claim, and anybody else's is refused."""
    wanted = sorted(bytes(one) for one in tags)
    if len(set(wanted)) != TAGS or any(len(one) != TAG_BYTES for one in wanted):
        raise BadTags
    name = sha256(f"{provider}|{record}".encode()).digest()
    known = ActClaim.objects.filter(provider=provider, record=name, epoch=epoch).first()
    if known is not None:
        if sorted(bytes(one) for one in known.tags.values_list("tag", flat=True)) != wanted:
            raise OtherTags(record=record)
        return known
    try:
        with transaction.atomic():
            made = ActClaim.objects.create(provider=provider, record=name, epoch=epoch, at=at)
            ActTag.objects.bulk_create(ActTag(claim=made, tag=one, epoch=epoch) for one in wanted)
    except IntegrityError as error:
        raise ClaimedAlready(epoch=epoch) from error
    return made


def _voprf(secret: bytes) -> Any:
    if find_spec("voprf") is None:
        raise SuiteMissing(suite=VOPRF, other=HMAC)
    from voprf import ristretto

    return ristretto.Evaluator(secret)
