"""Titles: what a methodology is called, for people; read from its folder once."""

from __future__ import annotations

import tomllib
from functools import lru_cache

from tanpuhui.kit.home import content


def title_of(code: str, lang: str) -> str:
    """The title of a methodology by code, in Chinese or English; its code where it has no folder here."""
    return _titles(code).get("zh" if lang.startswith("zh") else "en", code)


def method_of(asset: str) -> str:
    """The code of the methodology that an asset of the ledger names, or nothing.

    >>> method_of("pending:shenzhen/metro@1:2026")
    'shenzhen/metro'
    """
    kind, _, rest = asset.partition(":")
    return rest.partition("@")[0] if kind in ("pending", "owed") else ""


@lru_cache(maxsize=256)
def _titles(code: str) -> dict[str, str]:
    parts = code.split("/")
    if len(parts) != 2 or not all(part.replace("-", "").isalnum() for part in parts):
        return {}
    folder = content("methodologies").joinpath(*parts)
    versions = sorted(
        (one for one in folder.glob("v*") if one.name[1:].isdecimal()), key=lambda one: int(one.name[1:])
    )
    if not versions:
        return {}
    table = tomllib.loads((versions[-1] / "methodology.toml").read_text(encoding="utf-8"))
    return dict(table["title"])
