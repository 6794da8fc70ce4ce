"""Rule changes: what differs between two days of a jurisdiction, or between two versions of its file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from tanpuhui.quantify.jurisdiction import Jurisdiction, Scene
from tanpuhui.quantify.rule_tables import TABLES, Rule

SCENES = "scenes"
BEGAN, ENDED = "began", "ended"
ADDED, REMOVED, ALTERED, LAST_DAY = "added", "removed", "altered", "last_day"


@dataclass(frozen=True)
class Named:
    """A rule with its table and what tells it from others there."""

    table: str
    name: str
    rule: Rule

    def as_json(self) -> dict[str, Any]:
        return {"table": self.table, "name": self.name, **self.rule.as_json()}


@dataclass(frozen=True)
class Change:
    """One difference. ``rewrites_past``: a day before the one asked about is decided otherwise than it was."""

    what: str
    table: str
    name: str
    then: Rule | None
    now: Rule | None
    rewrites_past: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "table": self.table,
            "name": self.name,
            "then": self.then.as_json() if self.then else None,
            "now": self.now.as_json() if self.now else None,
            "rewrites_past": self.rewrites_past,
        }


def named_rules(jurisdiction: Jurisdiction) -> Iterator[Named]:
    """Every rule of a jurisdiction, scenes among them, in the order of tables and days."""
    for table, rule in jurisdiction.every_rule():
        yield Named(table, TABLES[table].name_of(rule), rule)
    for scene in jurisdiction.scenes:
        yield Named(SCENES, ", ".join([scene.kind, *scene.providers]), _of_scene(scene))


def in_force(jurisdiction: Jurisdiction, day: date) -> list[Named]:
    """What is in force on a day."""
    return [named for named in named_rules(jurisdiction) if named.rule.covers(day)]


def between_days(jurisdiction: Jurisdiction, first: date, second: date) -> list[Change]:
    """What began and what ended, seen from the first day to the second."""
    found = []
    for named in named_rules(jurisdiction):
        then, now = named.rule.covers(first), named.rule.covers(second)
        if then != now:
            rules = (named.rule, None) if then else (None, named.rule)
            found.append(Change(ENDED if then else BEGAN, named.table, named.name, *rules))
    return found


def between_versions(then: Jurisdiction, now: Jurisdiction, *, on: date) -> list[Change]:
    """What the file says now otherwise than then; days before ``on`` are the past, which no change may touch."""
    before, after = _by_place(then), _by_place(now)
    changes = []
    for place in sorted({*before, *after}):
        old, new = before.get(place), after.get(place)
        if old == new:
            continue
        changes.append(_change(place, old, new, on))
    return changes


def _change(place: tuple[str, str, date], old: Rule | None, new: Rule | None, on: date) -> Change:
    table, name, first_day = place
    if old is None or new is None:
        return Change(ADDED if old is None else REMOVED, table, name, old, new, first_day < on)
    if (old.content, old.status, old.source) != (new.content, new.status, new.source):
        return Change(ALTERED, table, name, old, new, first_day < on)
    # The first day that one version covers and the other does not is the day after the earlier of the two ends.
    return Change(LAST_DAY, table, name, old, new, (min(old.last_day, new.last_day) - on).days < -1)


def _by_place(jurisdiction: Jurisdiction) -> dict[tuple[str, str, date], Rule]:
    return {
        (named.table, named.name, named.rule.first_day): named.rule for named in named_rules(jurisdiction)
    }


def _of_scene(scene: Scene) -> Rule:
    content = {
        "kind": scene.kind,
        "methodology": scene.methodology,
        "providers": list(scene.providers),
        "factors_of": scene.factors_of.isoformat() if scene.factors_of else None,
    }
    return Rule(scene.first_day, scene.last_day, "", "", content)
