"""Check: every row of every file against the end that it must have; what was planted against what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tanpuhui.cli.demo.calendar import Calendar, index_of
from tanpuhui.cli.demo.plan import Act, City, Delivery
from tanpuhui.cli.demo.truth import Worth, judge

#: What a row with an act is called by its end, where no fault was planted with it.
CALLED = {
    "credited": "honest_acts",
    "capped": "acts_over_a_cap",
    "nothing_avoided": "acts_that_avoid_nothing",
    "no_methodology": "acts_without_methodology",
    "no_grant": "acts_without_a_grant",
    "withdrawn": "acts_under_a_withdrawn_grant",
    "outside_range": "acts_outside_a_grants_range",
    "unknown_person": "acts_of_unknown_persons",
    "joined": "parts_of_acts",
    "history": "readings_before_the_first_day",
    "not_weighed": "acts_at_a_station_that_nobody_weighed",
    "not_fetched": "acts_of_which_nothing_was_fetched",
}
EXCLUDED = {
    "household_electricity_month": "months_in_the_third_tier",
    "waste_sorting": "textiles_weighed",
}
#: Rows that ended in a way they must not: there are none.
ASTRAY = "rows_that_ended_otherwise"
AGAIN = "files_sent_twice"
CHILDREN = "children_without_a_guardian"


@dataclass(frozen=True)
class Expected:
    """What must come out: of each delivery, the end and the name of each row; and what each act is worth."""

    rows: tuple[tuple[tuple[str, str], ...], ...]
    acts: tuple[Act, ...]
    worths: tuple[Worth, ...]

    @property
    def honest_mg(self) -> int:
        return sum(worth.credited_mg for worth in self.worths)

    def by_resident(self) -> dict[int, int]:
        """Milligrams of each resident who gets any."""
        found: Counter[int] = Counter()
        for act, worth in zip(self.acts, self.worths, strict=True):
            found[act.resident] += worth.credited_mg
        return {resident: amount_mg for resident, amount_mg in sorted(found.items()) if amount_mg}


def expect(city: City) -> Expected:
    """What must come out of a city, as the truth has it."""
    first_time = first_deliveries(city.deliveries)
    acts = [row.act for delivery in first_time for row in delivery.rows if row.act is not None]
    late = {resident.number for resident in city.residents if resident.linked_late}
    moments = [
        processed_at(row.act, delivery, late, Calendar(city.days))
        for delivery in first_time
        for row in delivery.rows
        if row.act is not None
    ]
    worths = judge(acts, city.grants, moments, city.fetched)
    rest = iter(zip(acts, worths, strict=True))
    rows = []
    for delivery in first_time:
        named = []
        for row in delivery.rows:
            if row.act is None:
                named.append((row.end, row.fault or CALLED[row.end]))
                continue
            act, worth = next(rest)
            named.append((worth.end, row.fault or name_of(act, worth)))
        rows.append(tuple(named))
    return Expected(tuple(rows), tuple(acts), tuple(worths))


def processed_at(act: Act, delivery: Delivery, late: Container[int], calendar: Calendar) -> datetime:
    """When an act was first processed: at the close of its day, or at the next one if it was not there or known."""
    closed_at = calendar.closed_at(index_of(act.ended_us))
    in_time = delivery.received_at <= closed_at and act.resident not in late
    return closed_at if in_time else calendar.closed_again_at


def first_deliveries(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """The deliveries without those that are the same file under the same key again."""
    seen: set[tuple[str, str, str | None]] = set()
    found = []
    for delivery in deliveries:
        key = (delivery.provider, delivery.file_name, delivery.key)
        if key not in seen:
            found.append(delivery)
        seen.add(key)
    return found


def name_of(act: Act, worth: Worth) -> str:
    """What an act with this end is called in the list of what was planted."""
    if worth.end == "credited" and worth.of_less:
        return "acts_at_a_station_that_claims_too_much"
    if worth.end != "excluded":
        return CALLED[worth.end]
    if act.kind == "household_electricity_day":
        return "days_of_homes_with_pv" if act.measures["has_pv"] else "days_of_empty_homes"
    return EXCLUDED[act.kind]


def compare(
    city: City, expected: Expected, ends: Sequence[Sequence[str]], *, repeated: int, children: int
) -> tuple[dict[str, int], dict[str, int]]:
    """(planted, found) by name: how many rows of each were planted, and how many ended as they must.

    ``ends`` are the real ends of the rows of each first delivery.
    """
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for wanted, real in zip(expected.rows, ends, strict=True):
        assert len(wanted) == len(real), "a row got lost"
        for (end, name), really in zip(wanted, real, strict=True):
            planted[name] += 1
            found[name if end == really else ASTRAY] += 1
    planted[AGAIN] = len(city.deliveries) - len(expected.rows)
    planted[CHILDREN] = len(city.refused_children)
    found[AGAIN], found[CHILDREN] = repeated, children
    return _listed(planted, planted), _listed(found, planted)


def astray(expected: Expected, ends: Sequence[Sequence[str]]) -> Counter[tuple[str, str, str]]:
    """What ended otherwise: (name, the end it must have, the end it had)."""
    return Counter(
        (name, end, really)
        for wanted, real in zip(expected.rows, ends, strict=True)
        for (end, name), really in zip(wanted, real, strict=True)
        if end != really
    )


def _listed(counts: Mapping[str, int], names: Mapping[str, int]) -> dict[str, int]:
    return {name: counts.get(name, 0) for name in [*sorted(names), ASTRAY]}
