"""Private: a month's figures of each district, with noise, once, within the year's budget.

What one release tells about a person is bounded by its epsilon (pure differential privacy, one person more or fewer): a
person counts in one district, once, and with a bounded mass. Every district is in it, empty ones too. What is left out
is decided by noisy numbers alone. A month is released once, so nobody averages noise away; a year shares a budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from django.db import connection
from django.db.models import Sum

from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.consent.models import HomeDistrict
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.moment import day_bounds_us, to_us
from tanpuhui.quantify.districts import District, load_districts
from tanpuhui.quantify.jurisdiction import Jurisdiction, PrivateFigures
from tanpuhui.registry.models import PrivateRelease
from tanpuhui.registry.noise import error_bar, noisy
from tanpuhui.registry.refusals import BudgetSpent, MonthNotOver, MonthUnknown, NoDistricts
from tanpuhui.registry.statistics import CREDITED, LOCK

SCHEMA = 1
#: Figures of mass are grams.
GRAMS_A_KG, MG_A_GRAM = 1_000, 1_000


@dataclass(frozen=True)
class Budget:
    """What a year's releases have told so far, in millionths of epsilon, and what they may tell in all."""

    year: int
    spent: int
    limit: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.spent)


def publish_month(month: str, *, at: datetime, places: Places, jurisdiction: Jurisdiction) -> PrivateRelease:
    """Release a month (``2026-02``) that is over, in the caller's transaction; a second time, the same is answered."""
    rules = jurisdiction.private
    if rules is None:
        raise NoDistricts(jurisdiction=jurisdiction.code)
    first, last = days_of(month)
    if to_us(at) < day_bounds_us(last, jurisdiction.zone)[1]:
        raise MonthNotOver(month=month)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    known = PrivateRelease.objects.filter(month=month).first()
    if known is not None:
        return known
    budget = budget_of(first.year, rules)
    if budget.left < rules.epsilon_release:
        raise BudgetSpent(
            year=first.year, spent=budget.spent, limit=budget.limit, wanted=rules.epsilon_release
        )
    districts = load_districts(rules.districts)
    counted = count(_manifests(first, last), districts, rules, places)
    body = draw_up(month, counted, districts, rules) | {"jurisdiction": jurisdiction.code}
    return PrivateRelease.objects.create(
        month=month,
        year=first.year,
        epsilon=rules.epsilon_release,
        limit_epsilon=rules.epsilon_year,
        digest=digest_json(body),
        body=body,
        published_at=at,
    )


def budget_of(year: int, rules: PrivateFigures) -> Budget:
    """The budget of a year."""
    spent = PrivateRelease.objects.filter(year=year).aggregate(spent=Sum("epsilon"))["spent"]
    return Budget(year, int(spent or 0), rules.epsilon_year)


def latest_private() -> PrivateRelease | None:
    """The newest month that was released."""
    return PrivateRelease.objects.order_by("-month").first()


def days_of(month: str) -> tuple[date, date]:
    """The first and the last day of a month; refuses what is none."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise MonthUnknown(given=month) from error
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first, date.fromordinal(following.toordinal() - 1)


def draw_up(
    month: str, counted: tuple[list[int], list[int]], districts: Sequence[District], rules: PrivateFigures
) -> dict[str, Any]:
    """The figures with their noise, as they are published."""
    persons, grams = counted
    half, rest = rules.epsilon_release // 2, rules.epsilon_release - rules.epsilon_release // 2
    most_g = rules.most_kg * GRAMS_A_KG
    noisy_persons = noisy(persons, sensitivity=1, epsilon=half)
    noisy_grams = noisy(grams, sensitivity=most_g, epsilon=rest)
    return {
        "schema": SCHEMA,
        "month": month,
        "epsilon_millionths": rules.epsilon_release,
        "most_kg": rules.most_kg,
        "threshold": rules.threshold,
        "persons_error": error_bar(1, half),
        "credited_error_g": error_bar(most_g, rest),
        "districts": [
            _district(one.code, count, mass, rules.threshold)
            for one, count, mass in zip(districts, noisy_persons, noisy_grams, strict=True)
        ],
    }


def _district(code: str, persons: int, grams: int, threshold: int) -> dict[str, Any]:
    """What is published of one district; decided by its noisy number, which tells no more than is told anyway."""
    if persons < threshold:
        return {"code": code, "persons": None, "credited_g": None, "left_out": True}
    return {"code": code, "persons": persons, "credited_g": max(0, grams), "left_out": False}


def count(
    manifests: Sequence[Manifest], districts: Sequence[District], rules: PrivateFigures, places: Places
) -> tuple[list[int], list[int]]:
    """Persons and grams of each district before any noise: never shown, never stored.

    A person is in the one district that they name, once, with ``most_kg`` of the month at most.
    """
    files = [
        str(places.results.checked(output["results"]))
        for manifest in manifests
        for output in manifest.body["outputs"]
        if output["rows"]
    ]
    if not files:
        return [0] * len(districts), [0] * len(districts)
    homes = HomeDistrict.objects.values_list("resident_id", "code")
    accounts, codes = zip(*homes, strict=True) if homes else ((), ())
    numbers = {one.code: number for number, one in enumerate(districts)}
    table = pa.table(
        {
            "account_id": pa.array(accounts, pa.int64()),
            "district": pa.array([numbers.get(code, -1) for code in codes], pa.int32()),
        }
    )
    with duckdb.connect() as engine:
        engine.register("homes", table)
        found = engine.execute(
            "SELECT district, count(*) AS persons, sum(least(mg // $gram, $most))::BIGINT AS grams FROM ("
            "  SELECT account_id, sum(credited_mg) AS mg FROM read_parquet($files) "
            "  WHERE list_contains($ends, outcome) GROUP BY account_id"
            ") JOIN homes USING (account_id) WHERE district >= 0 GROUP BY district",
            {
                "files": files,
                "ends": [int(end) for end in CREDITED],
                "gram": MG_A_GRAM,
                "most": rules.most_kg * GRAMS_A_KG,
            },
        ).fetchnumpy()
    persons, grams = np.zeros(len(districts), np.int64), np.zeros(len(districts), np.int64)
    persons[found["district"]], grams[found["district"]] = found["persons"], found["grams"]
    return persons.tolist(), grams.tolist()


def _manifests(first: date, last: date) -> list[Manifest]:
    return list(
        Manifest.objects.filter(day__range=(first, last)).order_by("day", "-sequence").distinct("day")
    )
