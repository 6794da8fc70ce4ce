"""Resident scope: what a token of a resident may do, as it is written in the token's row: ``resident:acts,balance``."""

from __future__ import annotations

from collections.abc import Iterable

PREFIX = "resident:"
#: The parts there are, in the order in which they are listed.
NAMES = ("balance", "acts", "statement", "grants", "appeals", "pools")


def scope_of(parts: Iterable[str]) -> str:
    """The scope of some parts.

    >>> scope_of(["acts", "balance"])
    'resident:balance,acts'
    """
    wanted = set(parts)
    assert wanted, "a token that may do nothing is none"
    assert wanted <= set(NAMES), "parts of a resident's scope"
    return PREFIX + ",".join(name for name in NAMES if name in wanted)


def parts_of(scope: str) -> tuple[str, ...]:
    """The parts of a scope; none of a scope that is no resident's.

    >>> parts_of("resident:balance,acts"), parts_of("provider")
    (('balance', 'acts'), ())
    """
    if not scope.startswith(PREFIX):
        return ()
    return tuple(name for name in scope.removeprefix(PREFIX).split(",") if name in NAMES)
