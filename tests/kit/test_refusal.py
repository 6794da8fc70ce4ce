"""A refusal carries its code, its facts and its next step, and is JSON whatever the facts are."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from tanpuhui.kit.refusal import Refusal


class LotUnknown(Refusal):
    code = "registry.lot_unknown"
    message = "There is no lot {lot}. List them first."


def test_a_refusal_is_json_with_code_message_and_facts() -> None:
    refusal = LotUnknown(lot="D-1", day=date(2026, 3, 2), path=Path("x"), counts={"a": [1, None]})

    answer = json.loads(json.dumps(refusal.as_json()))

    assert answer == {
        "code": "registry.lot_unknown",
        "message": "There is no lot D-1. List them first.",
        "facts": {"lot": "D-1", "day": "2026-03-02", "path": "x", "counts": {"a": [1, None]}},
    }
