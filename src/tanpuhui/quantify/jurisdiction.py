"""Jurisdiction: a dated table of rules, read from ``jurisdictions/<code>.toml``; data, not code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tanpuhui.kit.digest import digest_bytes, digest_json
from tanpuhui.kit.home import content
from tanpuhui.kit.refusal import Refusal
from tanpuhui.quantify.districts import load_districts
from tanpuhui.quantify.rule_tables import (
    STATUSES,
    TABLES,
    BadJurisdiction,
    Rule,
    read_days,
    read_table,
)

#: A number that is published rests on this many persons at least, where the file does not say another one.
LEAST_PERSONS = 10


class UnknownJurisdiction(Refusal):
    code = "quantify.unknown_jurisdiction"
    message = "There is no jurisdiction {given!r}. Choose one of: {known}."


@dataclass(frozen=True)
class Scene:
    """Which methodology quantifies a kind of act, from which providers, and when.

    ``factors_of`` is the day whose factors are used for acts that are older than the methodology; a
    jurisdiction that sets it quantifies in retrospect and its results are illustrative.
    """

    kind: str
    methodology: str
    providers: tuple[str, ...]
    first_day: date
    last_day: date
    factors_of: date | None

    def covers(self, kind: str, provider: str, day: date) -> bool:
        """Whether an act of this kind, reported by this provider, falls under the scene on a day."""
        named = not self.providers or provider in self.providers
        return self.kind == kind and named and self.first_day <= day <= self.last_day


@dataclass(frozen=True)
class PrivateFigures:
    """How statistics are published: with noise, and within a budget of each year (differential privacy).

    ``epsilon`` are millionths. A month tells of districts and of kinds of act, and a person is in both: the two add
    up. A person counts in one district and in ``most_kinds`` kinds, with ``most_acts`` acts and ``most_kg`` a month.
    """

    districts: str
    epsilon_districts: int
    epsilon_kinds: int
    epsilon_year: int
    most_kg: int
    most_kinds: int
    most_acts: int
    threshold: int
    status: str
    source: str

    @property
    def epsilon_release(self) -> int:
        """What one month tells about anybody, in both tables together."""
        return self.epsilon_districts + self.epsilon_kinds


@dataclass(frozen=True)
class Jurisdiction:
    """The rules of one place. ``digest`` is that of the file (and its city's), and goes into every manifest."""

    code: str
    title: dict[str, str]
    zone: str
    serials: tuple[Rule, ...]
    scenes: tuple[Scene, ...]
    accepted_statuses: tuple[Rule, ...]
    excluded_scopes: tuple[Rule, ...]
    notice: dict[str, str]
    digest: str
    #: No published number rests on fewer persons.
    least_persons: int = LEAST_PERSONS
    #: How statistics are published with noise, where they are; elsewhere they are exact, and small ones left out.
    private: PrivateFigures | None = None
    #: Tiers of accounts, by what was certified: each a name and the least kilograms.
    tiers: tuple[Rule, ...] = ()
    #: The city whose rules apply in a district wherever the district has none of its own; empty for a city.
    parent: str = ""
    offset_caps: tuple[Rule, ...] = ()
    #: What all companies together may use in a year.
    offset_pools: tuple[Rule, ...] = ()
    offset_deadlines: tuple[Rule, ...] = ()
    #: Tonnes of other places that are recognised here.
    recognitions: tuple[Rule, ...] = ()
    points_conversions: tuple[Rule, ...] = ()
    points_validities: tuple[Rule, ...] = ()
    points_transfers: tuple[Rule, ...] = ()
    #: How units are traded between organisations.
    market_rules: tuple[Rule, ...] = ()
    notice_periods: tuple[Rule, ...] = ()
    sinks: tuple[Rule, ...] = ()
    registry_verbs: tuple[Rule, ...] = ()
    #: Whether lots need a verifier's statement, and what is material.
    verifications: tuple[Rule, ...] = ()

    def table(self, name: str) -> tuple[Rule, ...]:
        """The rules of a table, by its name in the file."""
        rules: tuple[Rule, ...] = getattr(self, name)
        return rules

    def rule(self, name: str, day: date, **content: Any) -> Rule | None:
        """The rule of a table that is in force on a day (of a sink, a verb, ...), or ``None``."""
        return next(
            (
                rule
                for rule in self.table(name)
                if rule.covers(day) and all(rule.content[key] == value for key, value in content.items())
            ),
            None,
        )

    def every_rule(self) -> Iterator[tuple[str, Rule]]:
        """Every dated rule with the name of its table, but for the scenes."""
        for name in TABLES:
            for rule in self.table(name):
                yield name, rule

    def rule_of_year(self, name: str, year: int) -> Rule | None:
        """The rule of a compliance year: the one in force on its last day, whatever comes later."""
        return self.rule(name, date(year, 12, 31))

    @property
    def serial_format(self) -> str:
        """How serial numbers are written by the newest rule."""
        newest = max(self.serials, key=lambda rule: rule.first_day)
        return str(newest.content["format"])

    def serial_format_on(self, day: date) -> str:
        """How the serial numbers of a lot are written that was certified on a day; before all rules, by the first."""
        rule = self.rule("serials", day) or min(self.serials, key=lambda rule: rule.first_day)
        return str(rule.content["format"])

    def is_within(self, code: str) -> bool:
        """Whether this is the place with that code, or a district of it."""
        return code in (self.code, self.parent)

    def scene(self, kind: str, provider: str, day: date) -> Scene | None:
        """The scene of an act, or ``None``: scenes of one kind do not overlap (checked at load)."""
        return next((scene for scene in self.scenes if scene.covers(kind, provider, day)), None)

    def statuses_accepted(self, day: date) -> frozenset[str]:
        """Statuses of factors from which a lot may be certified on a day."""
        return frozenset(
            status
            for rule in self.accepted_statuses
            if rule.covers(day)
            for status in rule.content["statuses"]
        )

    def exclusion_of(self, scope: str, day: date) -> Rule | None:
        """The rule that shuts a scope out because another market covers it, or ``None``."""
        for rule in self.excluded_scopes:
            shut = rule.content["scope"]
            if rule.covers(day) and (scope == shut or scope.startswith(f"{shut}.")):
                return rule
        return None

    def tier_of(self, earned_mg: int, day: date) -> Rule | None:
        """The highest tier that an amount reaches on a day, or ``None`` below the lowest."""
        reached = [
            rule
            for rule in self.tiers
            if rule.covers(day) and earned_mg >= int(rule.content["least_kg"]) * 1_000_000
        ]
        return max(reached, key=lambda rule: int(rule.content["least_kg"]), default=None)


#: What a file may have besides dated tables.
_OTHERS = ("code", "title", "zone", "notice", "parent", "statistics", "scenes")


def known_jurisdictions(root: Path | None = None) -> list[str]:
    """The codes of all jurisdictions that there are files of."""
    return sorted(file.stem for file in (root or content("jurisdictions")).glob("*.toml"))


def load_jurisdiction(code: str, root: Path | None = None) -> Jurisdiction:
    """Read one jurisdiction; refuses an unknown code, and a file whose rules do not fit or meet on one day.

    A district's rules come before its city's: a rule of the city holds where the district has none for the same thing.
    """
    folder = root or content("jurisdictions")
    path = folder / f"{code}.toml"
    known = known_jurisdictions(root)
    if code not in known:
        raise UnknownJurisdiction(given=code, known=", ".join(known))
    return read_jurisdiction(path, folder)


def read_jurisdiction(path: Path, folder: Path) -> Jurisdiction:
    """Read a jurisdiction from a file of any place; its city is looked for in ``folder``."""
    raw = path.read_bytes()
    try:
        table = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadJurisdiction(
            file=path.name, key="(file)", problem=f"{error}.", repair="Mend the TOML."
        ) from error
    city = _city(path, table, folder)
    return _jurisdiction(path, table, digest_bytes(raw), city)


def _city(path: Path, table: dict[str, Any], folder: Path) -> Jurisdiction | None:
    if "parent" not in table:
        return None
    parent = table["parent"]
    if (
        not isinstance(parent, str)
        or not (folder / f"{parent}.toml").is_file()
        or parent == table.get("code")
    ):
        raise BadJurisdiction(
            file=path.name, key="parent", problem=f"is {parent!r}.", repair="Name the city of this district."
        )
    raw = (folder / f"{parent}.toml").read_text(encoding="utf-8")
    if re.search(r"^parent\s*=", raw, re.MULTILINE):
        raise BadJurisdiction(
            file=path.name,
            key="parent",
            problem=f"{parent} is a district itself.",
            repair="Name a city: a district has no districts.",
        )
    return load_jurisdiction(parent, folder)


def _jurisdiction(path: Path, table: dict[str, Any], digest: str, city: Jurisdiction | None) -> Jurisdiction:
    for name in table:
        if name not in _OTHERS and name not in TABLES:
            known = ", ".join([*_OTHERS, *TABLES])
            raise BadJurisdiction(
                file=path.name, key=name, problem="is not known.", repair=f"There are: {known}."
            )
    for name in ("code", "title") if city else ("code", "title", "zone", "serials", "accepted_statuses"):
        if name not in table:
            raise BadJurisdiction(file=path.name, key=name, problem="is missing.", repair="Add it.")
    code = table["code"]
    if code != path.stem:
        raise BadJurisdiction(
            file=path.name, key="code", problem=f"is {code!r}.", repair=f"Write {path.stem!r}."
        )
    scenes = tuple(_scene(path, number, item) for number, item in enumerate(table.get("scenes", ()), 1))
    _refuse_overlaps(path, scenes)
    rules = {name: read_table(path.name, name, table.get(name, [])) for name in TABLES}
    if city:
        kinds = {scene.kind for scene in scenes}
        scenes += tuple(scene for scene in city.scenes if scene.kind not in kinds)
        rules = {name: (*rules[name], *_inherited(name, rules[name], city)) for name in TABLES}
    return Jurisdiction(
        code=code,
        title=table["title"],
        zone=table.get("zone", city.zone if city else ""),
        scenes=scenes,
        notice=table.get("notice", city.notice if city else {}),
        digest=digest_json([digest, city.digest]) if city else digest,
        least_persons=_least_persons(path, table.get("statistics", {}), city),
        private=_private(path, table.get("statistics", {}), city),
        parent=city.code if city else "",
        **rules,
    )


def _inherited(name: str, own: tuple[Rule, ...], city: Jurisdiction) -> list[Rule]:
    """The city's rules about what the district's own rules of this table say nothing of."""
    apart = TABLES[name].apart
    if apart is None:
        return [] if own else list(city.table(name))
    known = [[rule.content[key] for key in apart] for rule in own]
    return [rule for rule in city.table(name) if [rule.content[key] for key in apart] not in known]


def _least_persons(path: Path, table: dict[str, Any], city: Jurisdiction | None) -> int:
    least = table.get("least_persons", city.least_persons if city else LEAST_PERSONS)
    if type(least) is not int or not 3 <= least <= 1_000:
        raise BadJurisdiction(
            file=path.name,
            key="statistics.least_persons",
            problem=f"is {least!r}.",
            repair="Write a whole number from 3 to 1000.",
        )
    return least


def _private(path: Path, table: dict[str, Any], city: Jurisdiction | None) -> PrivateFigures | None:
    found = table.get("private")
    if found is None:
        return city.private if city else None
    key = "statistics.private"
    epsilons, whole = ("epsilon_districts", "epsilon_kinds", "epsilon_year"), _MOST_OF_A_PERSON
    names = ("districts", *epsilons, *whole, "status", "source")
    if not isinstance(found, dict) or set(found) != set(names):
        raise BadJurisdiction(
            file=path.name,
            key=key,
            problem="has other keys than it needs.",
            repair=f"Give {', '.join(names)}.",
        )
    if not load_districts(str(found["districts"]), path.parent):
        raise BadJurisdiction(
            file=path.name,
            key=f"{key}.districts",
            problem=f"names {found['districts']!r}, and there is no such file.",
            repair="Name a file of jurisdictions/districts without its ending.",
        )
    for name, (first, last) in whole.items():
        if type(found[name]) is not int or not first <= found[name] <= last:
            raise BadJurisdiction(
                file=path.name,
                key=f"{key}.{name}",
                problem=f"is {found[name]!r}.",
                repair=f"Write a whole number from {first} to {last}.",
            )
    if found["status"] not in STATUSES or not isinstance(found["source"], str) or not found["source"]:
        raise BadJurisdiction(
            file=path.name,
            key=f"{key}.status",
            problem="or its source is missing.",
            repair=f"Give a source, and one of {', '.join(STATUSES)}.",
        )
    rules = PrivateFigures(
        **found | {name: _epsilon(path, f"{key}.{name}", found[name]) for name in epsilons}
    )
    if rules.epsilon_release > rules.epsilon_year:
        raise BadJurisdiction(
            file=path.name,
            key=f"{key}.epsilon_kinds",
            problem="is, with epsilon_districts, more than a year may have.",
            repair="Write less.",
        )
    return rules


#: What a month of one person counts with, and the least that is shown: first and last number that is taken.
_MOST_OF_A_PERSON = {
    "most_kg": (1, 10_000),
    "most_kinds": (1, 50),
    "most_acts": (1, 10_000),
    "threshold": (5, 1_000),
}


def _epsilon(path: Path, key: str, given: Any) -> int:
    """A decimal in quotes, as millionths: from 0.01 to 20."""
    if isinstance(given, str) and re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?", given):
        whole, _, part = given.partition(".")
        millionths = int(whole) * 1_000_000 + int(part.ljust(6, "0"))
        if 10_000 <= millionths <= 20_000_000:
            return millionths
    raise BadJurisdiction(
        file=path.name,
        key=key,
        problem=f"is {given!r}.",
        repair='Write a decimal in quotes, from "0.01" to "20".',
    )


def _scene(path: Path, number: int, item: dict[str, Any]) -> Scene:
    place = f"scenes[{number}]"
    for name in ("kind", "methodology"):
        if not isinstance(item.get(name), str):
            raise BadJurisdiction(
                file=path.name, key=f"{place}.{name}", problem="is missing.", repair="Add it."
            )
    first_day, last_day = read_days(path.name, place, item)
    return Scene(
        kind=item["kind"],
        methodology=item["methodology"],
        providers=tuple(item.get("providers", ())),
        first_day=first_day,
        last_day=last_day,
        factors_of=item.get("factors_of"),
    )


def _refuse_overlaps(path: Path, scenes: tuple[Scene, ...]) -> None:
    for index, one in enumerate(scenes):
        for other in scenes[index + 1 :]:
            same_days = one.first_day <= other.last_day and other.first_day <= one.last_day
            shared = not one.providers or not other.providers or set(one.providers) & set(other.providers)
            if one.kind == other.kind and same_days and shared:
                raise BadJurisdiction(
                    file=path.name,
                    key=f"scenes of {one.kind}",
                    problem=f"{one.methodology} and {other.methodology} cover the same acts.",
                    repair="Part them by days or by providers.",
                )
