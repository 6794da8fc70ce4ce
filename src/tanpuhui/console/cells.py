"""Cells: how values stand in tables and lists: amounts, moments, codes, links and states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

from django.contrib.admin.utils import quote
from django.template import engines
from django.template.defaultfilters import linebreaksbr
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """A table: its headers, its rows of cells, what it is called, and what stands there when it is empty."""

    headers: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    caption: Any = ""
    empty: Any = ""
    #: Places of the columns with numbers, which stand to the right.
    numbers: tuple[int, ...] = field(default=())


@cache
def _drawn(source: str) -> Any:
    return engines["django"].from_string(source)


def drawn(source: str, **context: object) -> SafeString:
    """What a template's text comes to."""
    return SafeString(_drawn(source).render(context).strip())


def mass(amount_mg: int) -> SafeString:
    """An exact amount, as every page of the platform shows it."""
    return SafeString(_drawn("{{ amount|mass }}").render({"amount": amount_mg}))


def mass_text(amount_mg: int) -> str:
    """An exact amount as text, for choices of a form."""
    return str(_drawn("{{ amount|mass_text }}").render({"amount": amount_mg}))


def badge(status: str) -> SafeString:
    """The status of a factor, with its meaning."""
    return SafeString(_drawn("{% status value %}").render({"value": status}))


def count(number: int | None) -> str:
    """A whole number with separators."""
    return NOTHING if number is None else number_format(number, force_grouping=True)


def moment(at: datetime | None) -> str | SafeString:
    """A moment in local time; the exact one is in the element."""
    if at is None:
        return NOTHING
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}">{}</time>',
        at.isoformat(),
        date_format(local, "SHORT_DATETIME_FORMAT"),
    )


def day(on: date | None) -> str | SafeString:
    """A day, written so that it sorts and cannot be misread."""
    return NOTHING if on is None else format_html('<time datetime="{0}">{0}</time>', on.isoformat())


def code(text: object) -> SafeString:
    """A code or a digest, in its own letters; a long digest by its beginning, whole in its title."""
    shown = str(text)
    if shown.startswith("sha256:"):
        return format_html('<code title="{}">{}…</code>', shown, shown[7:19])
    return format_html("<code>{}</code>", shown)


def whole(text: object) -> SafeString:
    """A code or a digest, all of it."""
    return format_html('<code class="whole">{}</code>', text)


def link(text: object, name: str, *arguments: Any) -> SafeString:
    """A link to another page of the console; keys of rows are written as the lists write them."""
    if name.endswith("_change"):
        arguments = tuple(quote(each) for each in arguments)
    return format_html('<a href="{}">{}</a>', reverse(f"console:{name}", args=arguments), text)


def state(tone: str, text: object) -> SafeString:
    """A state as a badge: ``good``, ``bad``, ``busy`` or ``plain``; the word says it, the colour helps."""
    assert tone in ("good", "bad", "busy", "plain"), "one of the tones"
    return format_html('<span class="state {}">{}</span>', tone, text)


def words(text: str) -> SafeString:
    """What somebody wrote, line by line, as text and nothing else."""
    return linebreaksbr(text, autoescape=True)


def beside(*parts: Any) -> SafeString:
    """Values one after the other in one cell."""
    return format_html_join(" ", "{}", ((part,) for part in parts))


def listed(parts: Iterable[Any]) -> SafeString:
    """Values one below the other in one cell."""
    return format_html_join("", '<span class="listed">{}</span>', ((part,) for part in parts))


def counted(counts: Iterable[tuple[object, int]]) -> str | SafeString:
    """Names with their counts, one after the other."""
    parts = [
        format_html('<span class="counted">{} {}</span>', code(name), count(number))
        for name, number in counts
    ]
    return SafeString(" ".join(parts)) if parts else NOTHING


def grant_state(name: str) -> str:
    """The state of a grant in the reader's language."""
    return {
        "Requested": pgettext("grant", "asked for"),
        "Refused": pgettext("grant", "refused"),
        "ConsentGiven": pgettext("grant", "given"),
        "Paused": pgettext("grant", "paused"),
        "Resumed": pgettext("grant", "given (resumed)"),
        "Withdrawn": pgettext("grant", "withdrawn"),
        "Expired": pgettext("grant", "expired"),
        "Superseded": pgettext("grant", "superseded"),
        "Terminated": pgettext("grant", "ended"),
    }.get(name, name)


def due_reason(name: str) -> str:
    """Why a day is due, in the reader's language."""
    return {
        "never_closed": _("never closed"),
        "new_evidence": _("records came later"),
        "earlier_day_changed": _("an earlier day changed"),
        "people_linked": _("people were linked since"),
        "room_freed": _("room under a yearly cap was given back"),
        "holds_changed": _("acts were held or released since"),
        "weighings_changed": _("hauliers' weighings came since"),
        "entries_waited": _("entries waited for their exits"),
    }.get(name, name)
