"""Names: what parties, kinds of act, methodologies and purposes are called; where it is of use, the code is beside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.cache import caches
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext

from tanpuhui.access.models import Organisation
from tanpuhui.consent.policy import policy
from tanpuhui.console import cells
from tanpuhui.copies.kinds import kind_name
from tanpuhui.copies.titles import title_of
from tanpuhui.evidence.reasons import NOTES, REFUSALS
from tanpuhui.evidence.said import chinese

#: Organisations are few and seldom renamed; a list asks for one in every row.
KEPT_S = 60


def is_chinese() -> bool:
    """Whether the reader reads Chinese; English otherwise."""
    return (get_language() or "").startswith("zh")


def named(name: object, code: object) -> SafeString:
    """A name with its code beside it, small; the code alone where there is no other name."""
    if str(name) == str(code):
        return cells.code(code)
    return format_html('{} <code class="beside">{}</code>', name, code)


def party(code: str) -> str:
    """What a provider or recipient is called in the reader's language; its code where it has no name."""
    return _organisations().get(code) or policy().name_of(code, get_language() or "")


def provider(code: str) -> SafeString:
    """A provider with its code, as a link to its page."""
    return cells.link(named(party(code), code), "provider", code)


def kind(code: str) -> SafeString:
    """A kind of act with its code."""
    return named(kind_name(code), code)


def kinds(codes: Iterable[str]) -> SafeString | str:
    """Kinds of act by name, one after the other."""
    return ("、" if is_chinese() else ", ").join(kind_name(code) for code in codes) or cells.NOTHING


def title(key: str) -> str:
    """The title of a methodology by its code or key."""
    return title_of(key.partition("@")[0], get_language() or "")


def methodology(key: str) -> SafeString:
    """A methodology, or a version of it (``code@version``), by title and key."""
    return named(title(key), key)


def unit_verb(code: str) -> SafeString:
    """What moved a range of serial numbers, in the words of the pages, with its code."""
    return named(cells.drawn('{% include "shared/unit_verb.html" %}', verb=code), code)


def unit_state(code: str) -> SafeString:
    """The state of a range of serial numbers, with its code."""
    names = {
        "open": pgettext("unit", "with residents"),
        "held": pgettext("unit", "held"),
        "locked": pgettext("unit", "locked"),
        "retired": pgettext("unit", "retired"),
        "cancelled": pgettext("unit", "cancelled"),
    }
    return named(names.get(code, code), code)


def asset(code: str) -> SafeString:
    """An asset of the ledger: of what is pending or owed the methodology and vintage, of a lot the way to its page."""
    where, _, rest = code.partition(":")
    if where in ("pending", "owed"):
        return named(title(rest), rest)
    return cells.link(cells.code(rest), "registry_lot_change", rest) if where == "lot" else cells.code(code)


def purpose(code: str) -> str:
    """What a resident agreed to, in two or three words."""
    return {
        "quantification": pgettext("purpose", "to quantify acts"),
        "disclosure": pgettext("purpose", "to show balance or tier"),
        "publication": pgettext("purpose", "to publish by nickname"),
        "pooling": pgettext("purpose", "to sell reductions in a pool"),
    }.get(code, code)


def reason(code: str, *, whole: bool = True) -> SafeString:
    """Why a row was refused or remarked on, with its code; not ``whole``: without the next step."""
    known = chinese().get(f"row.{code}") if is_chinese() else REFUSALS.get(code)
    text = known or NOTES.get(code) or code
    return named(text if whole else _first_sentence(text), code)


def _first_sentence(text: str) -> str:
    end = "。" if "。" in text else ". "
    return text.partition(end)[0].rstrip(".")


def _organisations() -> dict[str, str]:
    language = get_language() or ""
    key = f"console-organisations-{language}"
    found: dict[str, str] | None = caches["worker"].get(key)
    if found is None:
        found = {one.code: one.name(language) for one in Organisation.objects.all()}
        caches["worker"].set(key, found, KEPT_S)
    return found


def choices_of_parties(codes: Iterable[str]) -> list[tuple[str, Any]]:
    """Parties to choose from, by name."""
    return [(code, party(code)) for code in codes]
