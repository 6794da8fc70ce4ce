"""A closed and certified town behind the pages, with statistics that tests may look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import transaction

from close.town import Town, act
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.certify import Order, certify
from tanpuhui.registry.models import Lot, PrivateRelease
from tanpuhui.registry.private import publish_private

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 12, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
#: Twelve roofs: more than the ten persons below which nothing is told.
PEOPLE = "abcdefghijkl"
#: When the month is over.
APRIL = datetime(2026, 4, 1, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
#: Of one lot: 12 MWh at 0.42 t.
TONNES = 5
VERIFIER = "Own"


@dataclass(frozen=True)
class Closed:
    """A town with one day closed, one lot certified and statistics published."""

    town: Town
    lot: Lot
    release: PrivateRelease
    accounts: dict[str, int]


def closed_town(folder: Path, library: Library) -> Closed:
    """Each roof made 1 MWh: 5.04 t in all, of which 5 t are certified."""
    town = Town(folder, library, load_jurisdiction("demo"), buckets=1)
    accounts = town.settle(PEOPLE)
    town.take(*[act("rooftop_pv_output", one, one, energy_wh=1_000_000) for one in PEOPLE])
    town.close(DAY)
    order = Order("shanghai/rooftop-pv", 1, 2026, DAY, "operator", VERIFIER, AT)
    with transaction.atomic():
        lot = certify(order, places=town.places, jurisdiction=town.jurisdiction, library=library)
        release = released(town)
    return Closed(town, lot, release, accounts)


def released(town: Town, month: str = "2026-03", at: datetime = APRIL) -> PrivateRelease:
    """A month's statistics under the demonstration's rules, but for 12 roofs: 420 kg each count, and 12 are enough.

    Error bars are those of the rules. The noise itself is left out, so that a test knows what is on the page.
    """
    rules = town.jurisdiction.private
    assert rules is not None
    # Residents have a scale of 4 / 5: r = exp(-5 / 4), and noise is beyond 2 with
    # 2 r**3 / (1 + r) = 0.037, beyond 1 with 0.128.
    rules = replace(rules, most_kg=420, threshold=5, epsilon_kinds=20_000_000, epsilon_year=30_000_000)
    return publish_private(
        month,
        at=at,
        places=town.places,
        jurisdiction=replace(town.jurisdiction, private=rules),
        library=town.library,
        noise=silent,
    )


def silent(values: Sequence[int], *, sensitivity: int, epsilon: int) -> list[int]:
    """No noise at all: what is to be published, as it was counted."""
    return list(values)
