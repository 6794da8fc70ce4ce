"""Statement on paper: what an account has and how it came to it, on A4, in Chinese or English, in large print too."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from tanpuhui.consent.policy import policy
from tanpuhui.consent.show import Standing, standings
from tanpuhui.copies.notice import jurisdiction_notice
from tanpuhui.copies.paper import qr, typeset
from tanpuhui.copies.state_names import state_name
from tanpuhui.copies.titles import method_of, title_of
from tanpuhui.ledger.statement import Line, Statement, statement

#: The newest rows of months and methodologies that are printed; all of them are in the totals.
MOST_ROWS = 60
#: (milligrams in one, unit), the largest first.
_UNITS = ((1_000_000, "kg"), (1_000, "g"), (1, "mg"))


@dataclass(frozen=True)
class Printed:
    """How a statement is printed. ``names`` are providers' names in the language, by code."""

    language: str
    large: bool = False
    zone: str = "Asia/Shanghai"
    names: tuple[tuple[str, str], ...] = ()


def statement_pdf(account: int, how: Printed, *, at: datetime) -> bytes:
    """The statement of an account as a PDF."""
    with translation.override(how.language):
        return typeset("statement.typ", values(account, how, at=at), at=at)


def values(account: int, how: Printed, *, at: datetime) -> dict[str, Any]:
    """What the template prints, in the language that is active."""
    drawn = statement(connection, account, at=at)
    rules = policy()
    moment = date_format(at.astimezone(ZoneInfo(how.zone)), "DATETIME_FORMAT")
    platform = rules.parties["platform"]
    notice = jurisdiction_notice(how.language)
    return {
        "lang": how.language.partition("-")[0],
        "large": how.large,
        "issuer": platform.name,
        "title": _("Statement of a personal carbon account"),
        "account": _("Account {number}").format(number=account),
        "as_of": _("As of {moment}").format(moment=moment),
        "qr": qr(rules.origin),
        "qr_label": _("Public page"),
        "total": {
            "label": _("Avoided since the account was opened, CO₂ equivalent"),
            "amount": amount(drawn.pending_mg() + drawn.certified_mg() + drawn.retired_mg()),
        },
        "parts": _parts(drawn),
        "explained": _(
            "Certified: part of a lot with serial numbers. Pending: credited, and waiting for the next lot."
        ),
        "months_title": _("By month and kind of act"),
        "months_head": [_("Month"), _("Methodology"), _("Amount")],
        "months": months(drawn.lines, how.language),
        "months_empty": _("Nothing has been credited yet."),
        "sources_title": _("Who may report or receive"),
        "sources_head": [_("Who"), pgettext("of a grant", "State"), _("Until")],
        "sources": _sources(account, how, at),
        "sources_empty": _("Nobody may."),
        "notes": [
            *([notice] if notice else []),
            _("Points, if any, are a second book and are not part of this statement."),
            _("Questions, corrections, objections: {contact}, or any counter.").format(
                contact=platform.contact
            ),
        ],
        "footer": rules.origin.partition("://")[2],
    }


def months(lines: tuple[Line, ...], language: str) -> list[list[str]]:
    """What closes credited, by month and methodology, newest first."""
    sums: dict[tuple[date, str], int] = defaultdict(int)
    for line in lines:
        method = method_of(line.asset)
        if method and line.reason == "close":
            sign = -1 if line.asset.startswith("owed:") else 1
            sums[line.effective_on.replace(day=1), method] += sign * line.amount
    newest = sorted(sums.items(), key=lambda item: (-item[0][0].toordinal(), item[0][1]))[:MOST_ROWS]
    return [
        [date_format(month, "YEAR_MONTH_FORMAT"), title_of(method, language), amount(mg)]
        for (month, method), mg in newest
    ]


def amount(amount_mg: int) -> str:
    """Milligrams as exact text, in kg from one kilogram on.

    >>> with translation.override("en"):
    ...     amount(1_234_567), amount(-1_500), amount(0)
    ('1.234567 kg', '−1.5 g', '0 g')
    """
    size, unit = next(((size, unit) for size, unit in _UNITS if abs(amount_mg) >= size), (1_000, "g"))
    whole, rest = divmod(abs(amount_mg), size)
    digits = str(rest).rjust(len(str(size)) - 1, "0").rstrip("0") if size > 1 else ""
    number = number_format(f"{whole}.{digits}" if digits else str(whole), use_l10n=True, force_grouping=True)
    return f"{'−' if amount_mg < 0 else ''}{number} {unit}"


def _parts(drawn: Statement) -> list[dict[str, str]]:
    parts = [
        (_("Certified"), drawn.certified_mg()),
        (_("Pending"), drawn.pending_mg()),
        (_("Retired in your name"), drawn.retired_mg()),
    ]
    if drawn.owed_mg():
        parts.append((_("Taken back, and made good by what is credited next"), drawn.owed_mg()))
    return [{"label": label, "amount": amount(mg)} for label, mg in parts]


def _sources(account: int, how: Printed, at: datetime) -> list[list[str]]:
    names = dict(how.names)
    shown: dict[tuple[str, str, str], Standing] = {}
    for one in standings(account, at=at):
        grant = one.grant
        shown.setdefault((grant.provider, grant.recipient, grant.purpose), one)
    rows = []
    for (provider, recipient, purpose), one in shown.items():
        code = provider if purpose == "quantification" else recipient
        name = names.get(code) or policy().name_of(code, how.language)
        until = date_format(one.grant.expires_at.astimezone(ZoneInfo(how.zone)), "DATE_FORMAT")
        rows.append([name, state_name(one.state), until if not one.is_over else "–"])
    return rows
