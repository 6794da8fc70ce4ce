"""Finding: one thing that is wrong with an installation, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Something does not work, or will not be there when it is needed; or it will become so when nobody does anything.
WRONG, SOON = "wrong", "soon"


@dataclass(frozen=True)
class Finding:
    """A stable code, how bad it is, what is found, and the next step."""

    code: str
    is_wrong: bool
    found: str
    next_step: str

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": WRONG if self.is_wrong else SOON,
            "found": self.found,
            "next_step": self.next_step,
        }
