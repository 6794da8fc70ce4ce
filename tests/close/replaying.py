"""Every close of a town, computed again."""

from __future__ import annotations

from close.town import Town
from tanpuhui.close.models import Manifest
from tanpuhui.close.replay import ReplayAnswer, replay


def replayed(town: Town) -> list[ReplayAnswer]:
    """The answers of a replay of each close, in order."""
    return [
        replay(one, places=town.places, jurisdiction=town.jurisdiction, library=town.library)
        for one in Manifest.objects.order_by("day", "sequence")
    ]
