"""Conceal: claims that the holder may show one by one become digests that disclosures open (RFC 9901, 4.2)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tanpuhui.transparency.credentials.plain import digest, encoded, packed

#: 128 bits, as RFC 9901, 9.3 recommends.
SALT_BYTES = 16
#: So many digests that stand for nothing are added where something is concealed, less than this.
MOST_DECOYS = 4
RESERVED = frozenset({"_sd", "_sd_alg", "..."})
Random = Callable[[int], bytes]


@dataclass(frozen=True)
class Hidden:
    """A member of an object, or an element of an array, that is shown only if the holder wants to."""

    value: Any


@dataclass
class _Concealer:
    """Collects the disclosures of one credential."""

    random: Random
    decoys: bool
    disclosures: list[str]

    def of(self, value: Any) -> Any:
        match value:
            case Hidden():
                raise AssertionError("what is hidden is a member of an object or an element of an array")
            case Mapping():
                return self._object(value)
            case list() | tuple():
                return [self._element(one) for one in value]
            case _:
                return value

    def _object(self, said: Mapping[str, Any]) -> dict[str, Any]:
        assert not RESERVED & set(said), "names that mean something else"
        plain = {name: self.of(value) for name, value in said.items() if not isinstance(value, Hidden)}
        digests = [
            self._digest(name, self.of(value.value))
            for name, value in said.items()
            if isinstance(value, Hidden)
        ]
        if digests:
            # In the order of the digests, which says nothing about the order of the claims.
            plain["_sd"] = sorted(digests + self._decoys())
        return plain

    def _element(self, value: Any) -> Any:
        return {"...": self._digest(self.of(value.value))} if isinstance(value, Hidden) else self.of(value)

    def _digest(self, *said: Any) -> str:
        disclosure = packed([encoded(self.random(SALT_BYTES)), *said])
        self.disclosures.append(disclosure)
        return digest(disclosure)

    def _decoys(self) -> list[str]:
        count = self.random(1)[0] % MOST_DECOYS if self.decoys else 0
        return [encoded(self.random(32)) for _ in range(count)]


def conceal(
    claims: Mapping[str, Any], *, decoys: bool = True, random: Random = secrets.token_bytes
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The payload in which every :class:`Hidden` is a digest, and the disclosures, each opening one."""
    concealer = _Concealer(random, decoys, [])
    payload = concealer.of(claims)
    if concealer.disclosures:
        payload["_sd_alg"] = "sha-256"
    return payload, tuple(concealer.disclosures)


def hidden(value: Any) -> Any:
    """A value in which every member and every element below can be shown by itself.

    >>> hidden({"a": [1]})
    {'a': Hidden(value=[Hidden(value=1)])}
    """
    match value:
        case dict():
            return {name: Hidden(hidden(one)) for name, one in value.items()}
        case list():
            return [Hidden(hidden(one)) for one in value]
        case _:
            return value
