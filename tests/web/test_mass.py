"""Amounts are exact in every unit and language."""

from __future__ import annotations

import pytest
from django.utils import translation

from tanpuhui.web.shared.mass import mass


@pytest.mark.parametrize(
    ("amount_mg", "chinese", "english"),
    [
        (0, "0\u00a0克", "0\u00a0g"),
        (1, "1\u00a0毫克", "1\u00a0mg"),
        (999, "999\u00a0毫克", "999\u00a0mg"),
        (1_000, "1\u00a0克", "1\u00a0g"),
        (1_500, "1.5\u00a0克", "1.5\u00a0g"),
        (467_000, "467\u00a0克", "467\u00a0g"),
        (1_234_567, "1.234567\u00a0千克", "1.234567\u00a0kg"),
        (999_999_999, "999.999999\u00a0千克", "999.999999\u00a0kg"),
        (7_000_000_000, "7\u00a0吨", "7\u00a0t"),
        (1_234_567_890_123, "1,234.567890123\u00a0吨", "1,234.567890123\u00a0t"),
        (-1_500, "\u22121.5\u00a0克", "\u22121.5\u00a0g"),
        (2**63 - 1, "9,223,372,036.854775807\u00a0吨", "9,223,372,036.854775807\u00a0t"),
    ],
)
def test_no_milligram_is_lost(amount_mg: int, chinese: str, english: str) -> None:
    with translation.override("zh-hans"):
        assert str(mass(amount_mg)) == chinese
    with translation.override("en"):
        assert str(mass(amount_mg)) == english
