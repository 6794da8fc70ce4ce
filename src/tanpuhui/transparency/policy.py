"""Policy: which logs and witnesses somebody trusts, and how many of them are enough (C2SP tlog-policy)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from tanpuhui.transparency.checkpoint import DECIMAL, Checkpoint, read_checkpoint
from tanpuhui.transparency.note import COSIGNATURE, ED25519, VerifierKey, read_verifier_key, verify_with
from tanpuhui.transparency.refusals import LogUntrusted, PolicyMalformed, QuorumMissing

NONE = "none"
#: A policy with more logs, witnesses or groups than these is refused.
MOST = 64


@dataclass(frozen=True)
class Party:
    """A log or a witness: its key, and where it is reached, if the policy says so."""

    key: VerifierKey
    url: str = ""


@dataclass(frozen=True)
class Policy:
    """Logs, witnesses by name, groups by name (threshold and members), and the name that must have witnessed."""

    logs: tuple[Party, ...]
    witnesses: Mapping[str, Party]
    groups: Mapping[str, tuple[int, tuple[str, ...]]]
    quorum: str

    def is_met(self, seen: Set[str]) -> bool:
        """Whether these witnesses, by their names in the policy, are enough."""
        return self.quorum == NONE or self._has_witnessed(self.quorum, seen)

    def _has_witnessed(self, name: str, seen: Set[str]) -> bool:
        if name in self.witnesses:
            return name in seen
        least, members = self.groups[name]
        return sum(self._has_witnessed(member, seen) for member in members) >= least


@dataclass(frozen=True)
class Trusted:
    """A checkpoint that a policy accepts, and the moments (seconds since 1970) at which witnesses cosigned it."""

    checkpoint: Checkpoint
    seen_s: Mapping[str, int]


def trust(note: str, policy: Policy) -> Trusted:
    """The checkpoint of a note, once a log of the policy has signed it and enough witnesses have cosigned it."""
    keys = [log.key for log in policy.logs] + [one.key for one in policy.witnesses.values()]
    verified = verify_with(note, keys)
    checkpoint = read_checkpoint(verified.text)
    signed = {
        key
        for key in verified.signers
        if key.name == checkpoint.origin and any(key == log.key for log in policy.logs)
    }
    if not signed:
        raise LogUntrusted(origin=checkpoint.origin)
    moments = dict(zip(verified.signers, verified.at_s, strict=True))
    seen_s = {name: moments[one.key] or 0 for name, one in policy.witnesses.items() if one.key in moments}
    if not policy.is_met(seen_s.keys()):
        raise QuorumMissing(quorum=policy.quorum, seen=", ".join(sorted(seen_s)) or "no witness")
    return Trusted(checkpoint, seen_s)


def read_policy(text: str) -> Policy:
    """Read a policy file; refuses what is not one, with the line."""
    reading = _Reading()
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if words and not words[0].startswith("#"):
            reading.take(number, words)
    if reading.quorum is None:
        raise PolicyMalformed(line=text.count("\n") + 1, what="there is no quorum")
    return Policy(tuple(reading.logs), reading.witnesses, reading.groups, reading.quorum)


class _Reading:
    """What the lines so far have said."""

    def __init__(self) -> None:
        self.logs: list[Party] = []
        self.witnesses: dict[str, Party] = {}
        self.groups: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.quorum: str | None = None
        self._members: set[str] = set()

    def take(self, number: int, words: Sequence[str]) -> None:
        word, *rest = words
        match word, rest:
            case "log", [key, *url] if len(url) <= 1:
                self.logs.append(self._party(number, key, url, ED25519))
            case "witness", [name, key, *url] if len(url) <= 1:
                self._new(number, name)
                self.witnesses[name] = self._party(number, key, url, COSIGNATURE)
            case "group", [name, least, first, *more]:
                members = (first, *more)
                self._new(number, name)
                self.groups[name] = (self._least(number, least, len(members)), members)
                for member in members:
                    self._defined(number, member)
                    if member == name or member in self._members:
                        raise PolicyMalformed(line=number, what=f"{member} is in a group already")
                    self._members.add(member)
            case "quorum", [name] if self.quorum is None:
                if name != NONE:
                    self._defined(number, name)
                self.quorum = name
            case _:
                raise PolicyMalformed(line=number, what=f"'{word}' is not used like that")

    def _party(self, number: int, key: str, url: Sequence[str], kind: int) -> Party:
        party = Party(read_verifier_key(key), url[0] if url else "")
        known = [*self.logs, *self.witnesses.values()]
        if party.key.kind != kind or any(party.key.public == one.key.public for one in known):
            raise PolicyMalformed(line=number, what="the key is of another kind, or named twice")
        if len(known) > MOST:
            raise PolicyMalformed(line=number, what=f"more than {MOST} keys")
        return party

    def _new(self, number: int, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise PolicyMalformed(line=number, what=f"the name {name} is taken")
        if len(self.groups) >= MOST:
            raise PolicyMalformed(line=number, what=f"more than {MOST} groups")

    def _defined(self, number: int, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise PolicyMalformed(line=number, what=f"{name} is not defined above")

    def _least(self, number: int, word: str, count: int) -> int:
        if word in ("all", "any"):
            return count if word == "all" else 1
        if not DECIMAL.fullmatch(word) or not 1 <= int(word) <= count:
            raise PolicyMalformed(line=number, what=f"{word} of {count} is not a threshold")
        return int(word)
