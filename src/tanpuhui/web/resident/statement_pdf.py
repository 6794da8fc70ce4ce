"""Statement PDF: a balance statement on paper, in Chinese or English, typeset without any moment but its own."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.copies.status_names import status_name
from tanpuhui.methodology.typeset import typst_string
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.balance_statement import BalanceStatement, Position
from tanpuhui.web.shared.formula import fonts
from tanpuhui.web.shared.mass import mass

HEAD = """\
#set document(title: {title}, date: none)
#set page(paper: "a4", margin: (x: 22mm, y: 24mm), footer: context [
  #set text(size: 8pt, fill: luma(90)); #line(length: 100%, stroke: 0.4pt + luma(200))
  {foot} #h(1fr) #counter(page).display("1 / 1", both: true)])
#set text(font: "Noto Sans CJK SC", lang: "{lang}", size: 10pt)
#set par(leading: 0.8em)
#set table(stroke: none, inset: (x: 4pt, y: 6pt))
#let pine = rgb("#0b6b53")
"""


def typeset(statement: BalanceStatement, rules: Jurisdiction, language: str) -> bytes:
    """The PDF; everything in it follows from the statement, so that the same one gives the same bytes."""
    import typst

    with override(language):
        source = _source(statement, rules)
    made: Any = typst.compile(source.encode(), format="pdf", font_paths=fonts(), ignore_system_fonts=True)
    assert isinstance(made, bytes), "a PDF is one file"
    return made


def _source(statement: BalanceStatement, rules: Jurisdiction) -> str:
    is_chinese = (get_language() or "").startswith("zh")
    language = "zh" if is_chinese else "en"
    title = _("Statement of a personal carbon account")
    brand, account, as_of = _("Tanpuhui"), _("Account"), _("As of")
    at = date_format(timezone.localtime(statement.at), "DATETIME_FORMAT")
    names = {
        "certified": (_("Certified"), _("part of a lot with serial numbers")),
        "pending": (_("Pending"), _("credited, and waiting for the next lot")),
        "owed": (_("Owed"), _("taken back after it was certified; later credits make it good")),
        "retired": (_("Retired"), _("taken out of circulation for good")),
    }
    figures = "".join(
        f'[#text(size: 9pt, fill: luma(90))[{_typ(name)}] \\ #text(size: 15pt, weight: "bold")'
        f"[{_typ(str(mass(statement.sum_mg(what))))}] \\ #text(size: 8.5pt, fill: luma(90))[{_typ(meaning)}]], "
        for what, (name, meaning) in names.items()
        if what in ("certified", "pending") or statement.sum_mg(what)
    )
    parts = [
        HEAD.format(title=typst_string(title), foot=_typ(rules.notice[language]), lang=language),
        f'#text(size: 9pt, fill: pine, weight: "bold")[{_typ(brand)} · {_typ(rules.title[language])}] \\',
        f'#text(size: 19pt, weight: "bold")[{_typ(title)}]',
        f"\n#v(4pt)\n#table(columns: (auto, 1fr), [{_typ(account)}], [*{statement.account}*], "
        f"[{_typ(as_of)}], [*{_typ(at)}* ({_typ(rules.zone)})])",
        f"\n#v(4pt)\n#grid(columns: (1fr, 1fr), gutter: 10pt, {figures})\n#v(8pt)",
        *_tables(statement.positions, names, language),
    ]
    if not statement.positions:
        nothing = _("Nothing has been credited to this account up to this moment.")
        parts.append(f"\n{_typ(nothing)}")
    if statement.is_illustrative:
        text = _("Amounts marked illustrative rest on a number that no official text supports.")
        parts.append(f'\n#block(fill: rgb("#fdf0d5"), inset: 8pt, radius: 4pt, width: 100%)[{_typ(text)}]')
    text = _(
        "Amounts are CO₂ equivalent and exact. Whoever holds the ledger can draw this statement again: the digest "
        "below is of the ledger's own lines of this account at this moment."
    )
    parts.append(
        f"\n#v(6pt)\n#text(size: 8.5pt, fill: luma(70))[{_typ(text)}]\n\n"
        f'#text(font: "DejaVu Sans Mono", size: 7.5pt)[{_typ(statement.digest)}]'
    )
    return "\n".join(parts) + "\n"


def _tables(positions: Iterable[Position], names: dict[str, tuple[str, str]], language: str) -> Iterable[str]:
    for what, group in groupby(positions, key=lambda one: one.what):
        rows = "".join(_row(position, language) for position in group)
        heads = "".join(
            f"[#text(size: 9pt, fill: luma(90))[{_typ(text)}]], "
            for text in (_("Method"), _("Year"), _("Weakest factor"), _("Amount"))
        )
        yield (
            f'\n#text(size: 12pt, weight: "bold")[{_typ(names[what][0])}]\n'
            "#table(columns: (1fr, auto, auto, auto), align: (left, left, left, right), "
            f"table.header({heads}), table.hline(stroke: 0.6pt + luma(160)), {rows})"
        )


def _row(position: Position, language: str) -> str:
    methodology = find_methodology(position.methodology)
    title = getattr(methodology.title, language) if methodology else position.methodology
    small = [position.methodology, *([position.lot, position.serials] if position.lot else [])]
    below = " · ".join(_typ(text) for text in small)
    return (
        f"[{_typ(title)} \\ #text(size: 8pt, fill: luma(90))[{below}]], [{position.vintage}], "
        f"[{_typ(status_name(position.status))}], [{_typ(str(mass(position.amount_mg)))}], "
        "table.hline(stroke: 0.3pt + luma(210)), "
    )


def _typ(text: str) -> str:
    """Text as typst's markup, with nothing in it that means anything."""
    return f"#{typst_string(text)}"
