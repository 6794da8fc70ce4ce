"""Words: steps, verdicts, states and conclusions of a verification in the reader's language."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from tanpuhui.copies.parties import party_names
from tanpuhui.verification.earlier import UNCONCLUDED
from tanpuhui.web.shared.templatetags.page import count


def step_name(step: str) -> str:
    """What an engagement waits for."""
    return {
        "declare": _("Declare independence"),
        "recalculate": _("Compute again"),
        "complete": _("Check completeness"),
        "plan": _("Publish the sampling plan"),
        "draw": _("Draw the sample"),
        "examine": _("Examine the sample"),
        "conclude": _("Conclude and sign"),
        "ended": _("Ended by its statement"),
    }[step]


def verdict_name(verdict: str | None) -> str:
    """What was found about an act; empty while nothing was."""
    return {
        "agrees": pgettext("verdict", "agrees"),
        "differs": pgettext("verdict", "differs"),
        "unsupported": pgettext("verdict", "unsupported"),
    }.get(verdict or "", "")


def state_name(state: str) -> str:
    """Where a finding stands."""
    return {
        "raised": pgettext("finding", "raised"),
        "answered": pgettext("finding", "answered"),
        "returned": pgettext("finding", "given back"),
        "closed": pgettext("finding", "closed"),
    }[state]


def severity_name(severity: str) -> str:
    """How grave a finding is."""
    return {
        "observation": pgettext("severity", "observation"),
        "minor": pgettext("severity", "minor"),
        "major": pgettext("severity", "major"),
    }[severity]


def conclusion_name(conclusion: str) -> str:
    """What the verifier says about the lot."""
    return {
        "accept": pgettext("conclusion", "accepted"),
        "adjust": pgettext("conclusion", "lowered"),
        "refuse": pgettext("conclusion", "refused"),
    }[conclusion]


def conclusion_of_other(conclusion: str) -> str:
    """What became of another engagement."""
    if conclusion == UNCONCLUDED:
        return pgettext("conclusion", "not concluded")
    return conclusion_name(conclusion)


def totals_said(compared: dict[str, int] | None) -> str:
    """What completeness rests on; empty of a report that did not count it."""
    if compared is None:
        return ""
    if not compared["compared"]:
        return _(
            "No total of a provider's own was compared (%(without)s days and kinds have none): this only says that "
            "the platform agrees with itself, not that all that happened was sent."
        ) % {"without": count(compared["without"])}
    return _(
        "%(compared)s totals of the providers' own were compared; %(without)s days and kinds have none."
    ) % {
        "compared": count(compared["compared"]),
        "without": count(compared["without"]),
    }


def earlier_said(earlier: list[dict[str, Any]]) -> list[str]:
    """Of each other engagement: its number, its verifier, when it was opened, whether it has this data, its verdict."""
    names = party_names({one["verifier"] for one in earlier})
    return [
        _("Engagement %(number)s of %(verifier)s, opened on %(day)s, %(data)s: %(verdict)s")
        % {
            "number": one["engagement"],
            "verifier": names[one["verifier"]],
            "day": date_format(timezone.localtime(datetime.fromisoformat(one["opened_at"])), "DATE_FORMAT"),
            "data": _("over closes of this one") if one["is_same_data"] else _("over other closes"),
            "verdict": conclusion_of_other(one["conclusion"]),
        }
        for one in earlier
    ]


def rung_name(rung: str) -> str:
    """How a window compares homes."""
    return {
        "L2": pgettext("rung", "L2: short history, shrunk, and ratio to the hold-out"),
        "L3": pgettext("rung", "L3: ratio to the hold-out"),
        "L4": pgettext("rung", "L4: weather-normalised, and ratio to the hold-out"),
        "L5": pgettext("rung", "L5: random hold-out"),
    }[rung]


def comparison_name(comparison: str) -> str:
    """With which homes held out a home is compared."""
    return {
        "all": pgettext("comparison", "all homes held out"),
        "stratified": pgettext("comparison", "homes held out of the same stratum"),
        "matched": pgettext("comparison", "the five nearest homes held out"),
    }[comparison]
