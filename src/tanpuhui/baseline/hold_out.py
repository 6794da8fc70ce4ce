"""Hold-out: which homes are never recruited, drawn before anybody is, sealed, and shown to a verifier afterwards.

A home's place is SHA-256 of seed and home, so neither the order of the list nor a program's random numbers matter.
The commitment names seed, list and number by digest: published before recruitment, it cannot be met by another draw.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tanpuhui.baseline.refusals import HomesRepeated, NotSealed, TooFewControls
from tanpuhui.kit.digest import digest_json

LEAST_HELD = 5
SEED = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class HoldOut:
    """A draw with its seed: sealed until the window is over."""

    seed: str
    homes_digest: str
    held: tuple[str, ...]

    @property
    def commitment(self) -> str:
        """What is published before recruitment. The seed's 256 bits keep anybody from guessing the homes from it."""
        return digest_json({"seed": self.seed, "homes": self.homes_digest, "held": len(self.held)})

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "seed": self.seed,
            "homes": self.homes_digest,
            "held": list(self.held),
            "commitment": self.commitment,
        }


@dataclass(frozen=True)
class Verdict:
    """What a verifier finds: each must be empty or true for the hold-out to stand."""

    commitment_met: bool
    same_homes: bool
    same_draw: bool
    recruited: tuple[str, ...]

    @property
    def stands(self) -> bool:
        return self.commitment_met and self.same_homes and self.same_draw and not self.recruited


def draw(homes: Sequence[str], *, percent: int, seed: str) -> HoldOut:
    """Hold out ``percent`` of the homes, rounded up, so that the comparison is never smaller than was promised."""
    assert SEED.fullmatch(seed), "a seed is 64 hexadecimal digits"
    return _drawn(homes, count=-(-len(homes) * percent // 100), seed=seed)


def verify(
    sealed: dict[str, Any], homes: Sequence[str], *, commitment: str, joined: Iterable[str] = ()
) -> Verdict:
    """Whether a seal is the one committed to, is of these homes, was drawn by its seed, and nobody held out joined."""
    opened = open_seal(sealed)
    again = _drawn(homes, count=len(opened.held), seed=opened.seed)
    return Verdict(
        commitment_met=opened.commitment == commitment,
        same_homes=opened.homes_digest == again.homes_digest,
        same_draw=opened.held == again.held,
        recruited=tuple(sorted(set(opened.held) & set(joined))),
    )


def open_seal(sealed: Any) -> HoldOut:
    """The draw that a sealed file holds, or a refusal when it is none."""
    try:
        found = HoldOut(
            seed=str(sealed["seed"]),
            homes_digest=str(sealed["homes"]),
            held=tuple(str(home) for home in sealed["held"]),
        )
    except (KeyError, TypeError) as error:
        raise NotSealed(problem=f"{error} is missing or of another kind") from error
    if not SEED.fullmatch(found.seed):
        raise NotSealed(problem="its seed is not 64 hexadecimal digits")
    return found


def _drawn(homes: Sequence[str], *, count: int, seed: str) -> HoldOut:
    listed = sorted(homes)
    repeated = sorted({one for one, other in pairwise(listed) if one == other})
    if repeated:
        raise HomesRepeated(count=len(repeated), first=repeated[0])
    if min(count, len(listed) - count) < LEAST_HELD:
        raise TooFewControls(found=max(min(count, len(listed) - count), 0), least=LEAST_HELD)
    order = sorted(listed, key=lambda home: hashlib.sha256(f"{seed}\n{home}".encode()).digest())
    return HoldOut(seed=seed, homes_digest=digest_json(listed), held=tuple(sorted(order[:count])))
