"""People: who lives in the city, which providers they use, and what they allow."""

from __future__ import annotations

import hashlib
import random
from datetime import date
from functools import lru_cache

from tanpuhui.cli.demo.calendar import Calendar
from tanpuhui.cli.demo.plan import Grant, Resident

#: Share of residents who use a provider.
USERS = {
    "szt": 0.60,
    "bike_app": 0.40,
    "map_app": 0.25,
    "payments": 0.30,
    "ev_sessions": 0.05,
    "waste_weighings": 0.15,
    "meter_halfhourly": 0.075,
    "grid_company": 0.02,
}
#: The acts that a grant to a provider names.
KINDS = {
    "szt": ("metro_trip",),
    "bike_app": ("bike_trip", "e_bike_trip"),
    "map_app": ("bike_trip", "bus_trip", "metro_trip"),
    "payments": ("bus_trip", "e_invoice", "no_cutlery_order", "second_hand_sale"),
    "ev_sessions": ("ev_charge",),
    "waste_weighings": ("waste_sorting",),
    "meter_halfhourly": ("household_electricity_day",),
    "grid_company": ("household_electricity_month", "rooftop_pv_output"),
}
#: The first of these many residents use every provider, so that the smallest city has one of each kind of act; the
#: last of them has no meter, so that a bill counts too.
EVERYTHING = 4
MOST_HOMES = 150

_ADULT_BORN = date(1985, 5, 17)
_CHILD_BORN = date(2015, 9, 1)


@lru_cache(maxsize=65_536)
def pseudonym(seed: int, provider: str, number: int) -> str:
    """What a provider calls a person; a card number of nine letters at the metro, an opaque text elsewhere."""
    digest = hashlib.blake2s(f"{seed}|{provider}|{number}".encode()).hexdigest()
    if provider == "szt":
        return "".join("ABCDEFGHIJKLMNOP"[int(letter, 16)] for letter in digest[:9])
    return f"{provider[:2]}-{digest[:14]}"


def residents(rng: random.Random, count: int) -> list[Resident]:
    """The residents: first plain ones, then a few whose grants, links or age are out of the ordinary."""
    special = max(2, count // 60)
    homes = 0
    found = []
    for number in range(1, count + 1):
        providers = {name for name, share in USERS.items() if rng.random() < share or number <= EVERYTHING}
        if homes >= MOST_HOMES or number == EVERYTHING:
            providers.discard("meter_halfhourly")
        homes += "meter_halfhourly" in providers
        last = count - number
        is_special = last < 4 * special
        found.append(
            Resident(
                number=number,
                providers=frozenset(providers | ({"bike_app", "szt"} if is_special else set())),
                birth_on=_CHILD_BORN if last < special else _ADULT_BORN,
                guardian=1 + last if last < special else None,
                plain=not is_special,
                linked_late=last in (0, 1),
            )
        )
    return found


def grants(everybody: list[Resident], calendar: Calendar) -> list[Grant]:
    """What each resident allows: everything they use, but for those who never gave, withdrew or chose a range."""
    special = max(2, len(everybody) // 60)
    return [
        grant
        for resident in everybody
        for grant in _grants_of(resident, (len(everybody) - resident.number) // special, calendar)
    ]


def _grants_of(resident: Resident, group: int, calendar: Calendar) -> list[Grant]:
    """Groups from the last resident backwards: 0 children with a guardian, 1 nothing given, 2 withdrawn, 3 a range."""
    if group == 1:
        return []
    start, end, withdrawn = calendar.range_starts_at, None, None
    if group == 2:
        withdrawn = calendar.changed_at
    if group == 3 and resident.number % 2:
        start = calendar.changed_at
    elif group == 3:
        end = calendar.changed_at
    return [
        Grant(resident.number, provider, KINDS[provider], start, end, withdrawn)
        for provider in sorted(resident.providers)
    ]
