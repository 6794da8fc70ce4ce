"""Said: what refusals of files, rows and requests are in Chinese; English is the refusal's own sentence."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from tanpuhui.evidence.reasons import REFUSALS


@cache
def chinese() -> dict[str, str]:
    """Chinese messages by code; those of rows have ``row.`` before it."""
    content = files("tanpuhui.evidence").joinpath("messages.zh.toml").read_text(encoding="utf-8")
    found: dict[str, str] = tomllib.loads(content)
    return found


def reason(code: str, *, in_chinese: bool) -> str:
    """Why a row was refused, and what to do next."""
    return chinese()[f"row.{code}"] if in_chinese else REFUSALS[code]
