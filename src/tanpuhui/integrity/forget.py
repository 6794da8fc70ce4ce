"""Forget: remove what a person wrote. That they appealed, and what was answered, stays: it names an account alone."""

from __future__ import annotations

from tanpuhui.integrity.models import AppealWords


def forget(account: int) -> int:
    """Remove the words of all appeals of an account; answers how many there were."""
    removed, _ = AppealWords.objects.filter(appeal__account=account).delete()
    return removed
