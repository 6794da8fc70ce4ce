"""Reveal: what a payload says with the disclosures that came along, and where each belongs (RFC 9901, section 7.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tanpuhui.transparency.credentials.conceal import RESERVED
from tanpuhui.transparency.credentials.plain import MOST_DEEP, digest, unpacked
from tanpuhui.transparency.credentials.refusals import (
    ClaimNotConcealable,
    ClaimTwice,
    CredentialMalformed,
    DigestTwice,
    DisclosureMalformed,
    DisclosureTwice,
    DisclosureUnused,
)

#: Claims that the issuer never leaves to the holder (SD-JWT VC, 3.2.2.2).
NEVER = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status", "aud"})
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Revealed:
    """The claims without anything that stands for what is concealed, and the place of each disclosure."""

    claims: dict[str, Any]
    places: Mapping[str, Path]


@dataclass
class _Revealer:
    opened: dict[str, tuple[str, list[Any]]]
    seen: set[str] = field(default_factory=set)
    places: dict[str, Path] = field(default_factory=dict)

    def of(self, value: Any, path: Path) -> Any:
        if len(path) > MOST_DEEP:
            raise CredentialMalformed(what="it is deeper than any of ours")
        match value:
            case dict():
                return self._object(value, path)
            case list():
                return [
                    one for place, each in enumerate(value) for one in self._element(each, (*path, place))
                ]
            case _:
                return value

    def _object(self, said: dict[str, Any], path: Path) -> dict[str, Any]:
        if "..." in said or ("_sd_alg" in said and path):
            raise CredentialMalformed(what="a name is where it means nothing")
        digests = said.get("_sd", [])
        if not isinstance(digests, list) or not all(isinstance(one, str) for one in digests):
            raise CredentialMalformed(what="'_sd' is no list of digests")
        found = {name: self.of(value, (*path, name)) for name, value in said.items() if name not in RESERVED}
        for one in digests:
            disclosure = self._take(one, members=3)
            if disclosure is None:
                continue
            text, (_, name, value) = disclosure
            self._refuse_name(name, found, path)
            self.places[text] = (*path, name)
            found[name] = self.of(value, (*path, name))
        return found

    def _element(self, each: Any, path: Path) -> list[Any]:
        """The element, or nothing when it is concealed."""
        if not isinstance(each, dict) or set(each) != {"..."}:
            return [self.of(each, path)]
        if not isinstance(each["..."], str):
            raise CredentialMalformed(what="'...' is no digest")
        disclosure = self._take(each["..."], members=2)
        if disclosure is None:
            return []
        text, (_, value) = disclosure
        self.places[text] = path
        return [self.of(value, path)]

    def _take(self, one: str, *, members: int) -> tuple[str, list[Any]] | None:
        if one in self.seen:
            raise DigestTwice()
        self.seen.add(one)
        found = self.opened.get(one)
        if found is not None and len(found[1]) != members:
            raise DisclosureMalformed(what="it is of another kind than its place")
        return found

    @staticmethod
    def _refuse_name(name: Any, found: dict[str, Any], path: Path) -> None:
        if not isinstance(name, str) or name in RESERVED:
            raise DisclosureMalformed(what="it has no name")
        if not path and name in NEVER:
            raise ClaimNotConcealable(name=name)
        if name in found:
            raise ClaimTwice(name=name)


def reveal(payload: dict[str, Any], disclosures: Sequence[str]) -> Revealed:
    """What is shown; refused when a disclosure was altered, has no place, or anything is there twice."""
    if payload.get("_sd_alg", "sha-256") != "sha-256":
        raise CredentialMalformed(what="its digests are not SHA-256")
    opened: dict[str, tuple[str, list[Any]]] = {}
    for one in disclosures:
        if digest(one) in opened:
            raise DisclosureTwice()
        opened[digest(one)] = (one, _read(one))
    revealer = _Revealer(opened)
    claims = revealer.of(payload, ())
    if len(revealer.places) != len(opened):
        raise DisclosureUnused(count=len(opened) - len(revealer.places))
    return Revealed(claims, revealer.places)


def _read(disclosure: str) -> list[Any]:
    try:
        said = unpacked(disclosure)
    except CredentialMalformed:
        raise DisclosureMalformed(what="it is not JSON in base64url") from None
    if not isinstance(said, list) or len(said) not in (2, 3) or not isinstance(said[0], str):
        raise DisclosureMalformed(what="it is no list of a salt and a value")
    return said
