"""Words: steps, verdicts, states and conclusions of a verification in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


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


def rung_name(rung: str) -> str:
    """How a window compares homes."""
    return {
        "L3": pgettext("rung", "L3: ratio to the hold-out"),
        "L5": pgettext("rung", "L5: random hold-out"),
    }[rung]
