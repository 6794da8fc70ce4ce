"""Issuer: the key by which this installation signs credentials and status lists, and what it publishes about it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from joserfc.jwk import ECKey

from tanpuhui.kit.home import home, keys, secret_key
from tanpuhui.transparency.credentials.key import Issuer, key_from_secret, metadata

KEY = "credential-issuer"


def issuer_key() -> ECKey:
    """The private key, a file of this installation, never in the database."""
    return _key(keys())


def issuer(name: str) -> Issuer:
    """This installation under its address, as its own verifier knows it."""
    key = issuer_key()
    return Issuer(name, {key.thumbprint(): key})


def metadata_text(name: str) -> str:
    """What is published at ``/.well-known/jwt-vc-issuer``."""
    return json.dumps(metadata(name, issuer_key()), indent=1) + "\n"


def lists() -> Path:
    """Where status lists are, as files that everybody reads."""
    return home() / "status-lists"


def list_uri(name: str, number: int) -> str:
    """The address of a status list, for good.

    >>> list_uri("https://carbon.example", 1)
    'https://carbon.example/status-lists/1'
    """
    return f"{name}/status-lists/{number}"


@lru_cache(maxsize=4)
def _key(_folder: Path) -> ECKey:
    return key_from_secret(secret_key(KEY))
