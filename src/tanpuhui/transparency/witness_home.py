"""Witness at home: where a witness keeps its key, its logs and what it has seen; and its web application.

Addresses: ``POST /add-checkpoint`` and ``GET /<SHA-256 of the origin>/checkpoint``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tanpuhui.kit.files import write_bytes
from tanpuhui.kit.home import home, secret_key
from tanpuhui.transparency import note
from tanpuhui.transparency.refusals import WitnessUnnamed
from tanpuhui.transparency.witness import MOST_BYTES, Answer, Witness

KEY = "transparency-witness"
NAME, LOGS = "name", "logs"


@dataclass(frozen=True)
class WitnessHome:
    """The home of one witness: a folder with its key, which nobody else reads."""

    path: Path

    @property
    def folder(self) -> Path:
        return self.path / "witness"

    def name(self, name: str) -> note.VerifierKey:
        """Give the witness its name and key, once; answers the public key."""
        path = self.folder / NAME
        if not path.exists():
            note.key_from_secret(name, self._secret(), kind=note.COSIGNATURE)
            write_bytes(path, name.encode())
        return self._key().verifier

    def trust(self, line: str) -> None:
        """Know a log from now on, by its public key."""
        key = note.read_verifier_key(line)
        known = self._lines()
        if str(key) not in known:
            write_bytes(self.folder / LOGS, "".join(f"{one}\n" for one in [*known, str(key)]).encode())

    def witness(self) -> Witness:
        """The witness; refused before it has a name."""
        logs: dict[str, list[note.VerifierKey]] = {}
        for line in self._lines():
            key = note.read_verifier_key(line)
            logs.setdefault(key.name, []).append(key)
        return Witness(self.folder, self._key(), logs)

    def _secret(self) -> bytes:
        keys = self.path / "keys"
        keys.mkdir(mode=0o700, exist_ok=True)
        return secret_key(KEY, folder=keys)

    def _key(self) -> note.SigningKey:
        path = self.folder / NAME
        if not path.exists():
            raise WitnessUnnamed()
        return note.key_from_secret(path.read_text(), self._secret(), kind=note.COSIGNATURE)

    def _lines(self) -> list[str]:
        path = self.folder / LOGS
        return path.read_text().splitlines() if path.exists() else []


def name_witness(name: str) -> note.VerifierKey:
    """Give this home's witness its name and key, once; answers the public key."""
    return WitnessHome(home()).name(name)


def trust_log(line: str) -> None:
    """Know a log from now on, by its public key."""
    WitnessHome(home()).trust(line)


def witness() -> Witness:
    """The witness of this home; refused before it has a name."""
    return WitnessHome(home()).witness()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The witness as a WSGI application; whoever wants to be witnessed needs no other right than a known log's key."""
    answer = _answer(_served(), environ)
    status = HTTPStatus(answer.status)
    content = answer.text.encode()
    headers = [
        ("Content-Type", answer.kind),
        ("Content-Length", str(len(content))),
        ("Cache-Control", "no-store"),
    ]
    start_response(f"{status.value} {status.phrase}", headers)
    return [content]


def _answer(served: Witness, environ: dict[str, Any]) -> Answer:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    if path == "/add-checkpoint":
        if method != "POST":
            return Answer(405, "Send a checkpoint with POST.\n")
        body = environ["wsgi.input"].read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            return Answer(413, f"A request has at most {MOST_BYTES} bytes.\n")
        return served.add_checkpoint(body, at_s=int(time.time()))
    found = re.fullmatch("/([0-9a-f]{64})/checkpoint", path)
    newest = served.newest(found[1]) if found and method == "GET" else None
    return Answer(404, "There is nothing here.\n") if newest is None else Answer(200, newest)


@cache
def _served() -> Witness:
    return witness()
