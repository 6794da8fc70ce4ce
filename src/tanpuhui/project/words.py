"""Words: gather every sentence that a person may see, keep one file a language, and compile it; no gettext needed.

``python -m tanpuhui.project.words`` gathers and compiles; with ``compile`` it only compiles what has changed.
"""

from __future__ import annotations

import ast
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PACKAGES = Path(__file__).resolve().parents[1]
FOLDER = PACKAGES / "locale"
#: The language that the sentences in code and templates are in.
SOURCE = "en"
#: Where sentences for people are; the command line and the logs speak English.
SPOKEN = ("access", "api", "community", "console", "copies", "web", "consent", "integrity", "rights")
#: Packages whose refusals people may meet on a page: their sentences are words too, read from the code.
REFUSING = (
    "access",
    "api/resident",
    "close",
    "community",
    "console",
    "consent",
    "integrity",
    "disclosure",
    "federation",
    "kit",
    "market",
    "money",
    "offsetting",
    "pooling",
    "points",
    "programme",
    "registry",
    "rights",
    "verification",
    "web",
)
KEYWORDS: dict[str, object] = {
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "_": None,
    "_l": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}

#: Lines of a file's head that change without a sentence changing.
_MACHINES = re.compile(
    rb'"(POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Language-Team|Report-Msgid-Bugs-To):.*\n'
)

Word = tuple[str | tuple[str, str], str | None]


def gather() -> set[Word]:
    """Every sentence with its context: of templates, of code, and of refusals."""
    found: set[Word] = set()
    for package in SPOKEN:
        for path in sorted((PACKAGES / package).rglob("*")):
            if path.suffix == ".py" and "migrations" not in path.parts:
                found |= set(_words_of(path.read_text(), python=True))
            elif "templates" in path.parts and path.suffix in (".html", ".txt"):
                found |= set(_words_of(path.read_text(), python=False))
    return found | {(message, None) for message in refusals()}


def refusals() -> set[str]:
    """The sentences of every refusal of the packages that pages call, read from the code without running it."""
    return {
        message
        for package in REFUSING
        for path in sorted((PACKAGES / package).rglob("*.py"))
        for message in _messages_of(ast.parse(path.read_text()))
    }


def _messages_of(module: ast.Module) -> Iterator[str]:
    """What pages say of every class that has a ``code`` and a ``message``: that is what a refusal looks like."""
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            said = {
                target.id: line.value.value
                for line in node.body
                if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant)
                for target in line.targets
                if isinstance(target, ast.Name)
            }
            if {"code", "message"} <= said.keys():
                yield str(said.get("on_page") or said["message"])


def _words_of(text: str, *, python: bool) -> Iterator[Word]:
    """The sentences in a file; a template is first turned into calls, as Django's own command does it."""
    if not python:
        from django.utils.translation.template import templatize

        text = templatize("{% load i18n %}" + text)
    source = io.BytesIO(text.encode())
    for _, message, _, context in extract("python", source, keywords=KEYWORDS, options={"encoding": "utf-8"}):  # type: ignore[arg-type]
        words = tuple(message) if isinstance(message, tuple | list) else message
        if words:
            yield words, context  # type: ignore[misc]


def languages() -> list[str]:
    """The languages that have a file, by the names of their folders."""
    return sorted(path.parent.parent.name for path in FOLDER.glob("*/LC_MESSAGES/django.po"))


def file_of(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / "django.po"


def load(language: str) -> Catalog:
    """The sentences of one language."""
    with file_of(language).open("rb") as stream:
        return read_po(stream, locale=language)


def update(language: str, words: set[Word]) -> list[Word]:
    """Bring one language's file up to date, in the order of the alphabet; answers what is not translated yet."""
    old = load(language) if file_of(language).exists() else Catalog(locale=language)
    new = Catalog(locale=language, project="Tanpuhui", header_comment="# Sentences of pages.", fuzzy=False)
    missing = []
    for word, context in sorted(words, key=_in_order):
        known = old.get(word if isinstance(word, str) else word[0], context)
        said: Any = known.string if known else ""
        if language == SOURCE:
            said = word
        elif isinstance(word, tuple) and not isinstance(said, tuple):
            said = (said,) * new.num_plurals
        flags = ["python-brace-format"] if _has_braces(word) else []
        new.add(word, said, context=context, flags=flags)
        if not said or (isinstance(said, tuple) and not all(said)):
            missing.append((word, context))
    out = io.BytesIO()
    write_po(out, new, width=110, no_location=True, omit_header=False, include_previous=False)
    text = _MACHINES.sub(b"", out.getvalue())
    file_of(language).parent.mkdir(parents=True, exist_ok=True)
    file_of(language).write_bytes(text)
    return missing


def compile_all() -> list[str]:
    """Compile the languages whose file is newer than what was compiled; answers which."""
    done = []
    for language in languages():
        source = file_of(language)
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        unfinished = target.with_suffix(f".{os.getpid()}")
        try:
            with unfinished.open("wb") as stream:
                write_mo(stream, load(language))
        except PermissionError:
            # An installation of somebody else's: it was compiled when it was made.
            continue
        unfinished.replace(target)
        done.append(language)
    return done


def _in_order(item: Word) -> tuple[str, str]:
    word, context = item
    return (word if isinstance(word, str) else word[0], context or "")


def _has_braces(word: str | tuple[str, str]) -> bool:
    return any(re.search(r"\{[a-z_!]+\}", one) for one in ([word] if isinstance(word, str) else word))


def main(given: list[str]) -> int:
    """Gather and compile; prints what is not translated, and then gives 1."""
    if given != ["compile"]:
        words = gather()
        missing = {language: update(language, words) for language in languages()}
        for language, lacking in missing.items():
            for word, context in lacking:
                sys.stdout.write(f"{language}: {word!r}{f' ({context})' if context else ''}\n")
        compile_all()
        return 1 if any(missing.values()) else 0
    compile_all()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
