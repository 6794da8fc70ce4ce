"""Every sentence that a person may see is there in every language."""

from __future__ import annotations

import re

import pytest

from tanpuhui.project import words

HOLES = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+[^}]*\}")


@pytest.fixture(scope="module")
def gathered() -> set[words.Word]:
    return words.gather()


def test_the_languages_are_chinese_and_english() -> None:
    from django.conf import settings
    from django.utils.translation import to_locale

    assert {to_locale(code) for code, _ in settings.LANGUAGES} == set(words.languages()) == {"en", "zh_Hans"}


@pytest.mark.parametrize("language", words.languages())
def test_no_sentence_lacks_a_translation_and_none_is_left_over(
    language: str, gathered: set[words.Word]
) -> None:
    known = words.load(language)
    entries = {(entry.id, entry.context): entry for entry in known if entry.id}

    missing = [word for word in gathered if word not in entries]
    empty = [key for key, entry in entries.items() if not entry.string or not all(_forms(entry.string))]

    assert missing == [], "run 'make words' and translate what it lists"
    assert empty == [], f"translate these in {words.file_of(language).name}"
    assert [key for key in entries if key not in gathered] == [], "run 'make words'"
    assert [key for key, entry in entries.items() if entry.fuzzy] == []


@pytest.mark.parametrize("language", words.languages())
def test_a_translation_fills_in_nothing_that_the_sentence_does_not_have(language: str) -> None:
    wrong = [
        entry.id
        for entry in words.load(language)
        if entry.id
        and not {_name(hole) for form in _forms(entry.string) for hole in HOLES.findall(form)}
        <= {_name(hole) for form in _forms(entry.id) for hole in HOLES.findall(form)}
    ]

    assert wrong == []


def test_sentences_of_templates_code_and_refusals_are_gathered(gathered: set[words.Word]) -> None:
    assert ("Send me a code", None) in gathered
    assert ("kg", "unit") in gathered
    assert ("There is nothing at this address", None) in gathered
    assert ("Say why, in a few words: the reason is kept with the record.", None) in gathered
    assert (("%(shown)s lot with serial numbers", "%(shown)s lots with serial numbers"), None) in gathered


def _forms(said: object) -> list[str]:
    return list(said) if isinstance(said, tuple | list) else [str(said)]


def _name(hole: str) -> str:
    return re.sub(r"[!:].*(?=\})", "", hole)
