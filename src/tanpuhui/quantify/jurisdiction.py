"""Jurisdiction: a dated table of rules, read from ``jurisdictions/<code>.toml``; data, not code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tanpuhui.kit.digest import digest_bytes
from tanpuhui.kit.home import content
from tanpuhui.kit.refusal import Refusal

FOREVER = date(9999, 12, 31)
STATUSES = ("official", "published", "secondary", "illustrative")
#: A number that is published rests on this many persons at least, where the file does not say another one.
LEAST_PERSONS = 10


class UnknownJurisdiction(Refusal):
    code = "quantify.unknown_jurisdiction"
    message = "There is no jurisdiction {given!r}. Choose one of: {known}."


class BadJurisdiction(Refusal):
    code = "quantify.bad_jurisdiction"
    message = "{file}, {key}: {problem} {repair}"


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
class Rule:
    """One dated rule with where it comes from."""

    first_day: date
    last_day: date
    status: str
    source: str
    content: dict[str, Any]

    def covers(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day


@dataclass(frozen=True)
class Jurisdiction:
    """The rules of one place. ``digest`` is that of the file, and goes into every manifest."""

    code: str
    title: dict[str, str]
    zone: str
    serial_format: str
    scenes: tuple[Scene, ...]
    accepted_statuses: tuple[Rule, ...]
    excluded_scopes: tuple[Rule, ...]
    notice: dict[str, str]
    digest: str
    #: No published number rests on fewer persons.
    least_persons: int = LEAST_PERSONS
    #: Tiers of accounts, by what was certified: each a name and the least kilograms.
    tiers: tuple[Rule, ...] = ()

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


def load_jurisdiction(code: str, root: Path | None = None) -> Jurisdiction:
    """Read one jurisdiction; refuses an unknown code, a missing source or status, and overlapping scenes."""
    folder = root or content("jurisdictions")
    path = folder / f"{code}.toml"
    known = sorted(file.stem for file in folder.glob("*.toml"))
    if code not in known:
        raise UnknownJurisdiction(given=code, known=", ".join(known))
    raw = path.read_bytes()
    try:
        table = tomllib.loads(raw.decode())
        return _jurisdiction(path, table, digest_bytes(raw))
    except KeyError as error:
        raise BadJurisdiction(
            file=path.name, key=error.args[0], problem="is missing.", repair="Add it."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise BadJurisdiction(
            file=path.name, key="(file)", problem=f"{error}.", repair="Mend the TOML."
        ) from error


def _jurisdiction(path: Path, table: dict[str, Any], digest: str) -> Jurisdiction:
    if table["code"] != path.stem:
        raise BadJurisdiction(
            file=path.name, key="code", problem=f"is {table['code']!r}.", repair=f"Write {path.stem!r}."
        )
    scenes = tuple(_scene(item) for item in table.get("scenes", ()))
    _refuse_overlaps(path, scenes)
    return Jurisdiction(
        code=table["code"],
        title=table["title"],
        zone=table["zone"],
        serial_format=table["serials"]["format"],
        scenes=scenes,
        accepted_statuses=tuple(_rule(path, item) for item in table["accepted_statuses"]),
        excluded_scopes=tuple(_rule(path, item) for item in table.get("excluded_scopes", ())),
        notice=table.get("notice", {}),
        digest=digest,
        least_persons=_least_persons(path, table.get("statistics", {})),
        tiers=tuple(_rule(path, item) for item in table.get("tiers", ())),
    )


def _least_persons(path: Path, table: dict[str, Any]) -> int:
    least = table.get("least_persons", LEAST_PERSONS)
    if type(least) is not int or not 3 <= least <= 1_000:
        raise BadJurisdiction(
            file=path.name,
            key="statistics.least_persons",
            problem=f"is {least!r}.",
            repair="Write a whole number from 3 to 1000.",
        )
    return least


def _scene(item: dict[str, Any]) -> Scene:
    return Scene(
        kind=item["kind"],
        methodology=item["methodology"],
        providers=tuple(item.get("providers", ())),
        first_day=item["from"],
        last_day=item.get("to", FOREVER),
        factors_of=item.get("factors_of"),
    )


def _rule(path: Path, item: dict[str, Any]) -> Rule:
    if item["status"] not in STATUSES or not item["source"]:
        raise BadJurisdiction(
            file=path.name,
            key="status, source",
            problem=f"a rule says status {item['status']!r}, source {item['source']!r}.",
            repair=f"Give a source, and one of {', '.join(STATUSES)}.",
        )
    kept = {name: value for name, value in item.items() if name not in ("from", "to", "status", "source")}
    return Rule(item["from"], item.get("to", FOREVER), item["status"], item["source"], kept)


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
