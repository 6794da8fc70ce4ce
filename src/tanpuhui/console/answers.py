"""Answers: what came of a job, as facts and tables that a person can read."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from tanpuhui.console import cells, names
from tanpuhui.console.cells import Table
from tanpuhui.console.models import Job
from tanpuhui.quantify.outcome import MEANING, Outcome

Shown = tuple[list[tuple[Any, Any]], list[Table]]


def shown(job: Job) -> Shown:
    """The facts and tables of a job that is done; nothing of one that is not."""
    if job.state != Job.DONE:
        return [], []
    draw = _DRAWN.get(job.kind)
    return draw(job.answer) if draw else ([(name, value) for name, value in job.answer.items()], [])


def outcomes(counts: dict[str, int]) -> Table:
    """How records ended, each way with its meaning."""
    rows = [
        [names.named(MEANING[Outcome[name]][0 if names.is_chinese() else 1], name), cells.count(number)]
        for name, number in counts.items()
    ]
    return Table(
        [_("End"), _("Records")],
        rows,
        caption=_("How records ended"),
        empty=_("There were no records."),
        numbers=(1,),
    )


def _close(answer: dict[str, Any]) -> Shown:
    facts = [
        (_("Day"), answer["day"]),
        (_("Close of this day"), cells.count(answer["sequence"])),
        (_("Credited"), cells.mass(answer["credited_mg"])),
        (_("Posted"), _("yes") if answer["posted"] else _("nothing had changed: the close before stands")),
        (
            _("Manifest"),
            cells.link(cells.code(answer["manifest"]), "close_manifest_change", answer["manifest"]),
        ),
    ]
    return facts, [outcomes(answer["outcomes"])]


def _replay(answer: dict[str, Any]) -> Shown:
    verdict = (
        cells.state("good", _("agrees to the milligram"))
        if answer["agrees"]
        else cells.state("bad", _("differs"))
    )
    facts = [
        (_("Second computation"), verdict),
        (_("Day"), answer["day"]),
        (_("Records"), cells.count(answer["rows"])),
        (_("Credited"), cells.mass(answer["credited_mg"])),
        (
            _("Manifest"),
            cells.link(cells.code(answer["manifest"]), "close_manifest_change", answer["manifest"]),
        ),
    ]
    rows = [
        [each.get("bucket", each.get("sum", each.get("station", ""))), str(each["then"]), str(each["now"])]
        for each in answer["differences"]
    ]
    table = Table([_("Where"), _("Then"), _("Now")], rows, caption=_("Differences"))
    return facts, [table] if rows else []


def _effect(answer: dict[str, Any]) -> Shown:
    facts = [
        (_("Version"), names.methodology(f"{answer['methodology']}@{answer['version']}")),
        (_("Days"), f"{answer['first']} – {answer['last']}"),
        (_("Days reckoned again"), cells.count(answer["days"])),
        (_("Residents whose sum changes"), cells.count(answer["residents"])),
        (_("Posted"), _("nothing: this was only worked out")),
    ]
    rows = [
        [
            names.methodology(line["methodology"]),
            cells.mass(line["then_mg"]),
            cells.mass(line["now_mg"]),
            cells.mass(line["now_mg"] - line["then_mg"]),
            cells.count(line["more"]),
            cells.count(line["less"]),
        ]
        for line in answer["lines"]
    ]
    headers = [
        _("Methodology"),
        _("Stands"),
        _("Would be"),
        _("Difference"),
        _("Residents with more"),
        _("Residents with less"),
    ]
    return facts, [Table(headers, rows, caption=_("By methodology"), numbers=(1, 2, 3, 4, 5))]


def _check(answer: dict[str, Any]) -> Shown:
    verdict = (
        cells.state("good", _("every invariant holds")) if answer["ok"] else cells.state("bad", _("findings"))
    )
    facts = [
        (_("Ledger"), verdict),
        *((cells.code(name), cells.count(number)) for name, number in answer["checked"].items()),
    ]
    rows = [
        [cells.code(each["invariant"]), each["table"], each["key"], each["found"]]
        for each in answer["findings"]
    ]
    headers = [_("Invariant"), _("Table"), _("Row"), _("Found")]
    return facts, [Table(headers, rows, caption=_("Findings"))] if rows else []


def _certify(answer: dict[str, Any]) -> Shown:
    return [
        (_("Lot"), cells.link(cells.code(answer["lot"]), "registry_lot_change", answer["lot"])),
        (_("Tonnes"), cells.count(answer["tonnes"])),
        (_("Residents"), cells.count(answer["residents"])),
    ], []


def _tally(answer: dict[str, Any]) -> Shown:
    credited_mg = answer["credited_mg"]
    return [
        (_("Challenge"), cells.code(answer["challenge"])),
        (_("Take part"), cells.count(answer["participants"])),
        (
            _("Credited"),
            _("too few people to show a sum") if credited_mg is None else cells.mass(credited_mg),
        ),
    ], []


_DRAWN = {
    "close.day": _close,
    "close.reopen": _close,
    "close.replay": _replay,
    "methodology.effect": _effect,
    "ledger.check": _check,
    "lot.certify": _certify,
    "challenge.tally": _tally,
}
