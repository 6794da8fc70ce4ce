"""Hold: look for patterns of fraud in closed days, hold what they find, and close those days again.

What was credited comes back by the close itself: it posts the difference, and what a lot certified already is owed
(:mod:`.owed`). So a rule that fires after credit claws back without anybody's hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from tanpuhui.close.drop_offs import drop_offs
from tanpuhui.close.places import Places
from tanpuhui.close.run import CloseAnswer, close_day
from tanpuhui.close.window import acts_in
from tanpuhui.integrity.flag import flag
from tanpuhui.integrity.patterns.find import find
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction


@dataclass(frozen=True)
class Holding:
    """How many acts were looked at, how many are newly held by pattern, and the closes that followed."""

    looked_at: int
    new: dict[str, int]
    closes: tuple[CloseAnswer, ...]


def hold(
    last: date,
    days: int,
    *,
    at: datetime,
    places: Places,
    jurisdiction: Jurisdiction,
    library: Library,
) -> Holding:
    """Look at so many closed days through the last one; opens transactions of its own, as the close does.

    A kill between flags and closes leaves days that are due (``holds_changed``): whoever closes them finishes it.
    """
    with transaction.atomic():
        window = [last - timedelta(days=back) for back in range(days)]
        acts = acts_in(window, places)
        flagged = flag(find({"act": acts, **drop_offs(acts, window)}), acts, at=at)
    closes = tuple(
        close_day(day, at=at, places=places, jurisdiction=jurisdiction, library=library, reopen=True)
        for day in flagged.days
    )
    return Holding(acts.num_rows, flagged.new, closes)
