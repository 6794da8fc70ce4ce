"""Draft: a city while it is being made up: files that are filling, and which moments are still free."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from tanpuhui.cli.demo import rows
from tanpuhui.cli.demo.calendar import FIRST_DAY, Calendar, at_us, index_of
from tanpuhui.cli.demo.people import pseudonym
from tanpuhui.cli.demo.plan import Act, Grant, Resident, Row

#: The file of what arrives after every day was closed once.
LATE = "late"
#: The file that corrects what a verifier found.
CORRECTED = "corrected"
#: Providers that send one file a week instead of one a day: most of their acts arrive after the day's first close.
WEEKLY = frozenset({"ev_sessions", "grid_company"})
WEEK = "week"
#: No honest trip touches 11:00 to 15:00, so that what is planted there disturbs nothing.
FREE_MINUTE, FREE_MINUTES = 11 * 60, 4 * 60

Place = tuple[str, str]


@dataclass
class Draft:
    """Files by (provider, name); honest rows by kind, with where they are; what was used up by faults."""

    seed: int
    calendar: Calendar
    rng: random.Random
    residents: list[Resident]
    grants: list[Grant]
    files: dict[Place, list[Row]] = field(default_factory=lambda: defaultdict(list))
    honest: dict[str, list[tuple[Place, int]]] = field(default_factory=lambda: defaultdict(list))
    used: set[tuple[int, int]] = field(default_factory=set)
    numbered: int = 0

    def name(self, provider: str, number: int) -> str:
        """The pseudonym of a resident at a provider."""
        return pseudonym(self.seed, provider, number)

    def new_id(self, prefix: str) -> str:
        """An id that nothing else in the city has."""
        self.numbered += 1
        return f"{prefix}-{self.numbered:07d}"

    def add(self, provider: str, file: str, row: Row) -> int:
        """Put a row at the end of a provider's file; answers its place in it."""
        lines = self.files[provider, file]
        lines.append(row)
        return len(lines) - 1

    def report(self, act: Act, *, person: str | None = None, fault: str = "", usual: bool = True) -> None:
        """Let the act's provider report it in the file of its day; an unusual act gets no other fault."""
        who = person or self.name(act.provider, act.resident)
        source_id = self.new_id(act.provider[:2])
        columns = rows.WRITERS[act.provider](source_id, who, act)
        where = file_of(act.provider, index_of(act.ended_us))
        place = self.add(act.provider, where, Row(columns, act=act, fault=fault))
        if usual and not fault:
            self.honest[act.kind].append(((act.provider, where), place))

    def stand_aside(self, act: Act, end: str, fault: str) -> None:
        """Report an act that must lose to another one: it ends in the given way and is worth nothing."""
        columns = rows.WRITERS[act.provider](
            self.new_id(act.provider[:2]), self.name(act.provider, act.resident), act
        )
        self.add(act.provider, file_of(act.provider, index_of(act.ended_us)), Row(columns, end, fault))

    def ride_metro(self, act: Act, *, person: str | None = None, fault: str = "") -> None:
        """Two taps: the entry is a part of the trip, the exit carries it."""
        assert act.stations is not None
        card = person or self.name("szt", act.resident)
        start, end = act.stations
        gate = self.rng.randrange(1, 900)
        entry = rows.tap(card, act.started_us, leaves=False, station=start, gate=gate)
        exit_ = rows.tap(card, act.ended_us, leaves=True, station=end, gate=gate + 1)
        self.add("szt", day_name(index_of(act.started_us)), Row(entry, "joined"))
        where = day_name(index_of(act.ended_us))
        place = self.add("szt", where, Row(exit_, act=act, fault=fault))
        if not fault:
            self.honest["metro_trip"].append((("szt", where), place))

    def plain(self) -> list[Resident]:
        """Residents about whom nothing is out of the ordinary."""
        return [resident for resident in self.residents if resident.plain]

    def users(self, provider: str) -> list[Resident]:
        """Plain residents who use a provider."""
        return [resident for resident in self.plain() if provider in resident.providers]

    def free_slots(
        self, provider: str, wanted: int, *, first: int = 0
    ) -> Iterator[tuple[Resident, int, int]]:
        """(Resident, day, minute) of free moments for faults, each resident's day used once; as many as there are.

        ``first`` is the first day that is looked at.
        """
        slots = [
            (resident, index)
            for resident in self.users(provider)
            for index in range(first, self.calendar.days)
            if (resident.number, index) not in self.used
        ]
        for resident, index in self.rng.sample(slots, min(wanted, len(slots))):
            self.used.add((resident.number, index))
            yield resident, index, FREE_MINUTE + self.rng.randrange(FREE_MINUTES - 90)

    def honest_rows(
        self, kind: str, wanted: int, *, also: str | None = None
    ) -> Iterator[tuple[Place, int, Act]]:
        """Honest rows on unused days of plain residents (who use the provider ``also``); as many as there are.

        Each resident's day is used for one fault only, so that no fault hides another.
        """
        able = {resident.number for resident in (self.users(also) if also else self.plain())}
        found = list(self.honest[kind])
        self.rng.shuffle(found)
        taken = 0
        for place, line in found:
            act = self.files[place][line].act
            if taken == wanted:
                return
            if act is None or act.resident not in able:
                continue
            key = (act.resident, index_of(act.ended_us))
            if key not in self.used:
                self.used.add(key)
                taken += 1
                yield place, line, act


def file_of(provider: str, index: int) -> str:
    """The name of the file in which a provider reports a day."""
    return WEEK if provider in WEEKLY else day_name(index)


@cache
def day_name(index: int) -> str:
    """The name of the file of a day."""
    return (FIRST_DAY + timedelta(days=index)).isoformat()


def minute_us(index: int, minute: int, rng: random.Random) -> int:
    """A moment within a minute of a day."""
    return at_us(index, minute, rng.randrange(60))
