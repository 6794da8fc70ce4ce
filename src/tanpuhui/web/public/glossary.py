"""Glossary: the words of ``docs/glossary.md`` as rows, so that the page cannot say anything else; Chinese beside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tanpuhui.kit.home import content


@dataclass(frozen=True)
class Word:
    """A word in English and in Chinese, and what it means."""

    en: str
    zh: str
    meaning_en: str
    meaning_zh: str

    def meaning(self, language: str) -> str:
        """What it means in the reader's language (in English where that lacks it), without the marks of Markdown."""
        in_chinese = self.meaning_zh if language.startswith("zh") else ""
        return (in_chinese or self.meaning_en).replace("`", "")

    @property
    def anchor(self) -> str:
        return re.sub(r"[^a-z]+", "-", self.en.lower()).strip("-")


@lru_cache(maxsize=1)
def words() -> tuple[Word, ...]:
    """Every word of the two tables, in their order."""
    in_chinese = dict(_rows("glossary.zh.md"))
    return tuple(Word(en, zh, meaning, in_chinese.get(en, "")) for en, zh, meaning in _rows("glossary.md"))


def _rows(name: str) -> list[list[str]]:
    text = (content("docs") / name).read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("| \n").split("|")]
        for line in text.splitlines()
        if line[:1] == "|"
    ]
    return rows[2:]
