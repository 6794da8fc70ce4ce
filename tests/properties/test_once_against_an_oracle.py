"""Counting once, against an oracle in plain Python: random histories of overlapping trips end as the written rule says.

The oracle knows the rule and nothing of the columns: of each id the highest revision; day by day the best ranked act
first; an act that began before midnight after what stands of earlier days. A history is the same acts, cut into files
in any order, with days closed in between in any order, and closed again until nothing is due.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection, transaction

from close.town import OPENED_AT, SHANGHAI, TAKEN_AT, Town, lake_rows, pending_mg
from tanpuhui.close.due import due
from tanpuhui.close.inputs import standing_between
from tanpuhui.close.replay import replay
from tanpuhui.consent.give import give
from tanpuhui.consent.open_account import open_accounts
from tanpuhui.consent.terms import Terms, acts_of_days
from tanpuhui.evidence import contract, link
from tanpuhui.evidence.models import LakeFile
from tanpuhui.evidence.take import take
from tanpuhui.ledger.invariants import check
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.quantify.outcome import STOOD, Outcome
from tanpuhui.registry.reconcile import reconcile

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=SHANGHAI)
MIDNIGHTS = [datetime(2026, 3, day, tzinfo=SHANGHAI) for day in (3, 4)]
PROVIDERS = ("north", "south", "west")
#: In the order of their names, as the rule ranks them; mg for each ten metres.
KINDS = {"bike_trip": 487, "bus_trip": 269, "metro_trip": 467}
SECOND = timedelta(seconds=1)
#: How often losers are taken out before the undecided lose.
ROUNDS = 4
#: Passes over all days that are due: each day rests on earlier ones alone, so three days settle in a few.
MOST_PASSES = 6


@dataclass(frozen=True)
class Report:
    """What one provider says of one act, in one revision."""

    provider: str
    source_id: str
    revision: int
    action: str
    person: str
    kind: str
    started: datetime
    ended: datetime
    distance_m: int
    is_electric: int | None

    def row(self) -> dict[str, Any]:
        measures = {"distance_m": self.distance_m} if self.action == "report" else {}
        if self.action == "report" and self.is_electric is not None:
            measures["is_electric"] = self.is_electric
        return {
            "source_id": self.source_id,
            "revision": self.revision,
            "action": self.action,
            "person": self.person,
            "kind": self.kind,
            "started_at": self.started.isoformat(),
            "ended_at": self.ended.isoformat(),
            **measures,
        }

    @property
    def day(self) -> date:
        return self.ended.date()

    @property
    def says_nothing(self) -> bool:
        return self.kind == "bus_trip" and self.is_electric == 2

    @property
    def is_excluded(self) -> bool:
        return self.distance_m == 0 or (self.kind == "bus_trip" and self.is_electric == 0)

    @property
    def avoided_mg(self) -> int:
        nothing = self.says_nothing or self.is_excluded
        return 0 if nothing else KINDS[self.kind] * self.distance_m // 10

    @property
    def lasted(self) -> bool:
        return self.ended > self.started


@dataclass(frozen=True)
class History:
    """The reports of a few days, how providers rank, and in which order files come and days are closed."""

    precedence: dict[str, int]
    reports: list[Report]
    moves: list[list[Report] | date]

    @property
    def days(self) -> list[date]:
        return sorted({report.day for report in self.reports})


def exclude(one: Report, other: Report) -> bool:
    """Whether both cannot be acts of their own: they overlap; an instant only for two providers, within its second."""
    if one.provider == other.provider and not (one.lasted and other.lasted):
        return False
    return one.started < max(other.ended, other.started + SECOND) and other.started < max(
        one.ended, one.started + SECOND
    )


def expected_mg(history: History) -> dict[str, int]:
    """What each person gets, by the rule."""
    latest: dict[tuple[str, str], Report] = {}
    for report in history.reports:
        key = report.provider, report.source_id
        if key not in latest or latest[key].revision < report.revision:
            latest[key] = report
    acts = [report for report in latest.values() if report.action == "report"]
    standing: list[Report] = []
    for day in history.days:
        midnight = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
        fresh = [
            act
            for act in acts
            if act.day == day
            and not (
                act.started < midnight
                and any(exclude(act, one) for one in standing if one.person == act.person)
            )
        ]
        counted = _counted(history, fresh)
        standing += [act for act in counted if not act.says_nothing]
    totals: dict[str, int] = defaultdict(int)
    for act in standing:
        totals[act.person] += act.avoided_mg
    return dict(totals)


def _counted(history: History, acts: list[Report]) -> list[Report]:
    """Round by round: who no undecided act beats counts, and whom it beats loses."""

    def rank(act: Report) -> tuple[Any, ...]:
        missing = -(1 << 62)
        amount = missing if act.says_nothing or act.is_excluded else act.avoided_mg
        own = history.precedence[act.provider]
        return (
            act.says_nothing,
            own,
            act.started,
            -act.ended.timestamp(),
            act.provider,
            act.kind,
            amount,
            act.source_id,
        )

    ordered = sorted(acts, key=rank)
    beaten_by = {
        act: [other for other in ordered[:place] if other.person == act.person and exclude(act, other)]
        for place, act in enumerate(ordered)
    }
    undecided, counted = list(ordered), []
    for _ in range(ROUNDS):
        winners = [act for act in undecided if not any(other in undecided for other in beaten_by[act])]
        losers = {act for act in undecided if any(winner in beaten_by[act] for winner in winners)}
        counted += winners
        undecided = [act for act in undecided if act not in winners and act not in losers]
    unbeaten = [act for act in undecided if not any(other in undecided for other in beaten_by[act])]
    return counted + unbeaten


def random_history(seed: int) -> History:
    draw = random.Random(seed)
    precedence = {provider: draw.choice([1, 1, 2, 3]) for provider in PROVIDERS}
    reports: list[Report] = []
    for number in range(draw.randint(4, 22)):
        provider, person = draw.choice(PROVIDERS), draw.choice("aab")
        twin = draw.choice(reports) if reports and draw.random() < 0.2 else None
        first = _random_report(draw, provider, f"{number}", 0, person)
        if twin is not None:
            first = replace(twin, provider=provider, source_id=f"{number}", revision=0, action="report")
            person = first.person
        reports.append(first)
        revision = 0
        while draw.random() < 0.25:
            revision += draw.choice([1, 1, 2])
            again = _random_report(draw, provider, f"{number}", revision, person)
            if draw.random() < 0.4:
                again = replace(again, action="retract")
            reports.append(again)
    return History(precedence, reports, _random_moves(draw, reports))


def _random_report(draw: random.Random, provider: str, source_id: str, revision: int, person: str) -> Report:
    minutes = draw.choice([0, 10, 20, 30, 30, 40, 60, 90, 600, 1_430])
    middle = draw.choice(MIDNIGHTS) + timedelta(minutes=10 * draw.randint(-9, 9))
    started = middle - timedelta(minutes=minutes) * draw.choice([0, 0.5, 1])
    ended = (
        started
        + timedelta(minutes=minutes)
        - draw.choice([timedelta(0), timedelta(0), SECOND]) * bool(minutes)
    )
    kind = draw.choice(sorted(KINDS))
    return Report(
        provider=provider,
        source_id=source_id,
        revision=revision,
        action="report",
        person=person,
        kind=kind,
        started=started,
        ended=ended,
        distance_m=10 * draw.choice([0, 10, 20, 50, 100]) if minutes else 0,
        is_electric=draw.choice([None, 0, 1, 2]) if kind == "bus_trip" else None,
    )


def _random_moves(draw: random.Random, reports: list[Report]) -> list[list[Report] | date]:
    left = draw.sample(reports, len(reports))
    days = sorted({report.day for report in reports})
    moves: list[list[Report] | date] = []
    while left:
        size = draw.randint(1, 8)
        first = left[0].provider
        piece = [report for report in left[:size] if report.provider == first]
        left = [report for report in left if report not in piece]
        moves.append(piece)
        if draw.random() < 0.5:
            moves.append(draw.choice(days))
    return moves


@dataclass
class City:
    """The history's providers and two people on the tests' database."""

    town: Town
    accounts: dict[str, int] = field(default_factory=dict)

    def open(self, precedence: dict[str, int]) -> None:
        self.accounts = dict(zip("ab", open_accounts(2, at=OPENED_AT), strict=True))
        for provider, own in precedence.items():
            contract.add(
                provider,
                format="generic",
                kinds=list(KINDS),
                precedence=own,
                pia_reference="PIA-1",
                valid_from=date(2020, 1, 1),
                made_at=OPENED_AT,
            )
            link.link_many(provider, self.accounts.items(), at=OPENED_AT)
            for account in self.accounts.values():
                first, _ = acts_of_days(date(2026, 1, 1), None)
                give(account, Terms(provider, tuple(KINDS), acts_from_us=first), at=OPENED_AT, method="test")

    def take(self, reports: Iterable[Report]) -> None:
        rows = list(reports)
        path = self.town.folder / f"batch-{next(self.town.files)}.ndjson"
        path.write_text("".join(f"{json.dumps(report.row())}\n" for report in rows), encoding="utf-8")
        with transaction.atomic():
            receipt = take(
                rows[0].provider, path, at=TAKEN_AT, lake=self.town.places.lake, buckets=self.town.buckets
            )
        assert receipt.accepted == len(rows), receipt.reasons

    def settle(self, draw: random.Random) -> int:
        """Close what is due, in any order, until nothing is; how many passes it took."""
        for number in range(MOST_PASSES):
            listed = due(NOW, "Asia/Shanghai", self.town.places)
            if not listed:
                return number
            for each in draw.sample(listed, len(listed)):
                self.town.close(each.day)
        raise AssertionError(f"still due after {MOST_PASSES} passes: {listed}")

    def ends(self) -> list[dict[str, Any]]:
        """The end of every record at the closes that stand, with what its record says."""
        places = self.town.places
        bodies = [manifest.body for manifest in standing_between(date.min, date.max)]
        files = [places.results.checked(output["results"]) for body in bodies for output in body["outputs"]]
        ends = pa.concat_tables([pq.read_table(path) for path in files]).to_pylist()
        paths = LakeFile.objects.filter(part=LakeFile.RECORDS).values_list("path", flat=True)
        records = {
            row["record_id"]: row
            for path in paths
            for row in pq.ParquetFile(places.lake / path).read().to_pylist()
        }
        return [{**records[end["record_id"]], **end} for end in ends]


def refuse_overlaps(ends: list[dict[str, Any]]) -> None:
    """No two acts that took time and stand are one person's at one time."""
    stood = [end for end in ends if end["outcome"] in STOOD and end["started_us"] < end["ended_us"]]
    for one, other in combinations(stood, 2):
        apart = one["started_us"] >= other["ended_us"] or other["started_us"] >= one["ended_us"]
        assert apart or one["account_id"] != other["account_id"], f"both count: {one} {other}"


def run(town: Town, seed: int) -> None:
    history = random_history(seed)
    draw = random.Random(f"order {seed}")
    city = City(town)
    city.open(history.precedence)

    for move in history.moves:
        if isinstance(move, date):
            town.close(move)
        else:
            city.take(move)
    city.settle(draw)

    expected = expected_mg(history)
    found = {person: pending_mg(account) for person, account in city.accounts.items()}
    assert found == {person: expected.get(person, 0) for person in city.accounts}
    ends = city.ends()
    refuse_overlaps(ends)
    assert len(ends) == len({end["record_id"] for end in ends}) == sum(map(lake_rows, history.days))
    assert sum(end["credited_mg"] for end in ends) == sum(found.values())
    assert not any(end["outcome"] == Outcome.capped for end in ends), "no cap is in reach of these trips"
    assert check(connection) == [] and reconcile(connection) == []
    for manifest in standing_between(date.min, date.max):
        answer = replay(manifest, places=town.places, jurisdiction=town.jurisdiction, library=town.library)
        assert answer.agrees, answer.differences


@pytest.fixture()
def town(db: None, fresh_home: Path) -> Town:
    return Town(fresh_home, load_library(), load_jurisdiction("demo"), buckets=5)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(5))
def test_any_history_ends_as_the_oracle_says(town: Town, seed: int) -> None:
    run(town, seed)
