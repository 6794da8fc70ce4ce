"""Installation: where this installation's log is, by which key it signs, and whom it asks to witness."""

from __future__ import annotations

import os
from pathlib import Path

from tanpuhui.kit.files import write_bytes
from tanpuhui.kit.home import home, secret_key
from tanpuhui.transparency.log import Log
from tanpuhui.transparency.note import key_from_secret
from tanpuhui.transparency.policy import Policy, read_policy

KEY = "transparency-log"
#: The log's name, for good; a URL without its scheme, as https://c2sp.org/tlog-checkpoint asks.
ORIGIN = "TANPUHUI_LOG_ORIGIN"
POLICY = "policy"


def log() -> Log:
    """The log of this installation. Without a name of its own it is called by its key."""
    secret = secret_key(KEY)
    named = os.environ.get(ORIGIN, "").strip()
    key = key_from_secret(named or f"tanpuhui.invalid/{_hash(secret)}", secret)
    return Log(folder(), key)


def folder() -> Path:
    """Where the files are that everybody reads."""
    return home() / "log"


def policy_text() -> str:
    """Whom this installation asks to witness, as the operator wrote it; without that, nobody."""
    path = folder() / POLICY
    if not path.exists():
        write_bytes(path, f"log {log().key.verifier}\nquorum none\n".encode())
    return path.read_text()


def policy() -> Policy:
    return read_policy(policy_text())


def set_policy(text: str) -> Policy:
    """Take another policy, once it is found to be one."""
    read = read_policy(text)
    write_bytes(folder() / POLICY, text.encode())
    return read


def _hash(secret: bytes) -> str:
    return key_from_secret("key", secret).verifier.public.hex()[:16]
