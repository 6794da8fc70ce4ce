"""Refusals of the notary."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class NoShare(Refusal):
    code = "notary.no_share"
    message = (
        "Account {account} was given no share of lot {lot}. Look at its statement for the lots that it has."
    )
