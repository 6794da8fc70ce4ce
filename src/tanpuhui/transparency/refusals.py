"""Refusals of transparency: what is not what it says to be, and what a log or a witness will not do."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class ProofInvalid(Refusal):
    code = "transparency.proof_invalid"
    message = (
        "The proof does not hold: {what}. Do not rely on it; ask whoever gave it for the whole file again, "
        "and tell a witness of the log when it stays so."
    )
