"""Read: a methodology folder's files become plain values that fit the JSON Schema, or are refused."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.refusals import FileMissing, SchemaViolated, TomlBroken

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

#: Longer files are refused unread: the longest methodology of the library has 20 kB.
MAX_BYTES = 1_000_000


def shown_path(path: Path) -> str:
    """A file of a folder as a message names it: from the library's folder on."""
    return Path(*path.parts[-5:]).as_posix()


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file with dates as ``YYYY-MM-DD`` strings, which the JSON Schema speaks of.

    Floats become decimals, which no key takes: JSON Schema would hold 2e5 for an integer.
    """
    if not path.is_file():
        raise FileMissing(file=shown_path(path))
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TomlBroken(file=shown_path(path), problem=f"it has more than {MAX_BYTES} bytes")
        parsed: dict[str, Any] = _plain(tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TomlBroken(file=shown_path(path), problem=str(error)) from error
    return parsed


def violations(schema: str, content: dict[str, Any], path: Path) -> list[Refusal]:
    """Every way in which a file's content departs from a schema, each naming its key."""
    found = sorted(
        _validator(schema).iter_errors(content), key=lambda error: list(map(str, error.absolute_path))
    )
    return [_refusal(error, path) for error in found]


def _refusal(error: ValidationError, path: Path) -> Refusal:
    from jsonschema.exceptions import best_match

    deepest = best_match([error]) or error
    key = key_of(list(deepest.absolute_path))
    problem = deepest.message if len(deepest.message) <= 300 else f"{deepest.message[:300]}…"
    return SchemaViolated(where=f"{shown_path(path)}: {key}" if key else shown_path(path), problem=problem)


def key_of(parts: list[str | int]) -> str:
    """A key as people write it.

    >>> key_of(["parameters", 0, "values", 1, "status"])
    'parameters[0].values[1].status'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")


@lru_cache(maxsize=4)
def _validator(schema: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    text = files("tanpuhui.methodology").joinpath(schema).read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


def _plain(value: Any) -> Any:
    """TOML's dates and times as ISO strings; everything else as it is."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) or hasattr(value, "isoformat") else value
