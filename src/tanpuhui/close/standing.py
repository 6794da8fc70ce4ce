"""Standing: the closes that stand for the days of a vintage, and whether they used a methodology."""

from __future__ import annotations

from datetime import date
from typing import Any

from tanpuhui.close.models import Manifest


def applied(manifest: Manifest, code: str, version: int) -> dict[str, Any] | None:
    """How a close names a methodology that it used, or ``None`` if it did not use it."""
    for item in manifest.body["inputs"]["methodologies"]:
        if (item["code"], item["version"]) == (code, version):
            return dict(item)
    return None


def standing_with(code: str, version: int, *, first: date, through: date) -> list[Manifest]:
    """The manifests that stand from the first day through the last and that used a methodology, by day."""
    closed = Manifest.objects.filter(day__gte=first, day__lte=through)
    standing = closed.order_by("day", "-sequence").distinct("day")
    return [manifest for manifest in standing if applied(manifest, code, version)]
