"""Refusals of sealing: each with its code, the facts and the next step."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class KeyDestroyed(Refusal):
    code = "sealing.key_destroyed"
    message = (
        "The key of account {account} was destroyed when the person was erased. What it sealed cannot be read again; "
        "look at the request for the erasure."
    )


class KeyUnreadable(Refusal):
    code = "sealing.key_unreadable"
    message = (
        "The key of account {account} is not one that keys/subject-keys has wrapped. "
        "Restore both from a backup of the same day."
    )


class SealBroken(Refusal):
    code = "sealing.seal_broken"
    message = "{column} of {table} {row} is not what was sealed there. Restore the row from a backup."
