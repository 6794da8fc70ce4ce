"""Claimant: a stage that expects payments; each line of a bank's statement is offered to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tanpuhui.money.camt import Entry
from tanpuhui.money.models import BankLine

NOBODY = "unknown_reference"


@dataclass(frozen=True)
class Claim:
    """What a line is to a claimant: the money of ``subject``, or, with ``why_not``, what only names it."""

    subject: str
    why_not: str = ""


class Claimant(Protocol):
    """What a stage registers in its ``AppConfig.ready()``. References of two claimants begin differently.

    ``look`` reads and changes nothing; ``None`` says that the reference is not for it. ``take`` does what the money is
    for, in the import's transaction, under the money lock. It posts through :mod:`tanpuhui.money.book`, or in an
    asset of its own.
    """

    name: str

    def look(self, entry: Entry) -> Claim | None: ...

    def take(self, line: BankLine, *, at: datetime) -> None: ...


_registered: dict[str, Claimant] = {}


def register(claimant: Claimant) -> None:
    """Have a claimant asked from now on; one of a name."""
    _registered[claimant.name] = claimant


def ask(entry: Entry) -> tuple[Claimant | None, Claim]:
    """Whose a line is and what for; without a claimant, why it is nobody's."""
    found = [
        (claimant, claim) for claimant in _registered.values() if (claim := claimant.look(entry)) is not None
    ]
    assert len(found) <= 1, "references of two claimants begin differently"
    if not found:
        return None, Claim("", NOBODY)
    claimant, claim = found[0]
    return (None if claim.why_not else claimant), claim
