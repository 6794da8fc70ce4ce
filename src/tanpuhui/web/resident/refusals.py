"""Refusals of a resident's pages."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class CannotLink(Refusal):
    code = "web.cannot_link"
    message = (
        "This identifier could not be linked. Check it sign by sign; if it is right, bring what it stands on to a "
        "counter."
    )
