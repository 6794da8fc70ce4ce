"""A closed and certified town behind the pages, with statistics that tests may look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import transaction

from close.town import Town, act
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.certify import Order, certify
from tanpuhui.registry.models import Lot, StatisticsRelease
from tanpuhui.registry.statistics import publish

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 12, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
#: Twelve roofs: more than the ten persons below which nothing is told.
PEOPLE = "abcdefghijkl"
#: Of one lot: 12 MWh at 0.42 t.
TONNES = 5
VERIFIER = "Own"


@dataclass(frozen=True)
class Closed:
    """A town with one day closed, one lot certified and statistics published."""

    town: Town
    lot: Lot
    release: StatisticsRelease
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
        release = publish(at=AT, places=town.places, jurisdiction=town.jurisdiction, library=library)
    return Closed(town, lot, release, accounts)
