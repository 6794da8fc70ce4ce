"""Private: a month's figures of districts and of kinds of act, with noise, once, within the year's budget.

What one release tells about a person is bounded by its epsilon (pure differential privacy, one person more or fewer). A
person is in both tables, so that their epsilons add up; what they count with in each is bounded: one district, a few
kinds, so many acts, so much mass. Every district and every kind is in it, empty ones too. What is left out is decided
by noisy numbers alone. A month is released once, so nobody averages noise away; a year shares a budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from django.db import connection
from django.db.models import Min, Sum

from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.consent.models import HomeDistrict
from tanpuhui.kit.digest import digest_json
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.districts import District, load_districts
from tanpuhui.quantify.jurisdiction import Jurisdiction, PrivateFigures
from tanpuhui.registry.models import PrivateRelease, StatisticsRelease
from tanpuhui.registry.month import days_of, refuse_released_otherwise, refuse_unfinished, standing
from tanpuhui.registry.noise import error_bar, error_bar_of_sum, noisy
from tanpuhui.registry.refusals import BudgetSpent, NoDistricts
from tanpuhui.registry.statistics import CREDITED, LOCK, sector_of

SCHEMA = 2
#: Figures of mass are grams.
GRAMS_A_KG, MG_A_GRAM = 1_000, 1_000
#: Draws the noise: ``noisy``, but in tests that need none.
Noise = Callable[..., list[int]]


@dataclass(frozen=True)
class Budget:
    """What a year's releases have told so far, in millionths of epsilon, and what they may tell in all."""

    year: int
    spent: int
    limit: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.spent)


@dataclass(frozen=True)
class Frame:
    """What is known to everybody before anything is counted: which rows there are, and by which rules."""

    districts: Sequence[District]
    #: Every kind of act that has a scene here, in the order of the alphabet, with its sector.
    kinds: dict[str, str]
    rules: PrivateFigures


@dataclass(frozen=True)
class Counted:
    """A month before any noise: never shown, never stored. Lists go by district, and by kind of act."""

    district_persons: list[int]
    district_grams: list[int]
    #: Residents with any act.
    persons: int
    kind_persons: list[int]
    kind_acts: list[int]
    kind_grams: list[int]


def publish_private(
    month: str,
    *,
    at: datetime,
    places: Places,
    jurisdiction: Jurisdiction,
    library: Library,
    noise: Noise = noisy,
) -> PrivateRelease:
    """Release a month (``2026-02``) that is over, in the caller's transaction; a second time, the same is answered."""
    rules = jurisdiction.private
    if rules is None:
        raise NoDistricts(jurisdiction=jurisdiction.code)
    year = days_of(month)[0].year
    refuse_unfinished(month, at=at, zone=jurisdiction.zone, places=places)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    known = PrivateRelease.objects.filter(month=month).first()
    if known is not None:
        return known
    refuse_released_otherwise(month, StatisticsRelease)
    budget = budget_of(year, rules)
    if budget.left < rules.epsilon_release:
        raise BudgetSpent(year=year, spent=budget.spent, limit=budget.limit, wanted=rules.epsilon_release)
    frame = frame_of(jurisdiction, rules, library)
    counted = count(standing(month), frame, places, library)
    body = {"jurisdiction": jurisdiction.code} | draw_up(month, counted, frame, noise)
    return PrivateRelease.objects.create(
        month=month,
        year=year,
        epsilon=rules.epsilon_release,
        limit_epsilon=rules.epsilon_year,
        digest=digest_json(body),
        body=body,
        published_at=at,
    )


def budget_of(year: int, rules: PrivateFigures) -> Budget:
    """The budget of a year: the least that the rules said when any of its months was released, or say today."""
    known = PrivateRelease.objects.filter(year=year).aggregate(
        spent=Sum("epsilon"), least=Min("limit_epsilon")
    )
    limit = rules.epsilon_year if known["least"] is None else min(known["least"], rules.epsilon_year)
    return Budget(year, int(known["spent"] or 0), limit)


def latest_private(month: str | None = None) -> PrivateRelease | None:
    """The newest month that was released, or the one that is asked for."""
    releases = PrivateRelease.objects.order_by("-month")
    return (releases if month is None else releases.filter(month=month)).first()


def frame_of(jurisdiction: Jurisdiction, rules: PrivateFigures, library: Library) -> Frame:
    """The rows of a jurisdiction's tables, whatever anybody did."""
    newest = {scene.kind: library.get(scene.methodology) for scene in jurisdiction.scenes}
    kinds = {kind: sector_of(newest[kind]) for kind in sorted(newest)}
    return Frame(load_districts(rules.districts), kinds, rules)


def draw_up(month: str, counted: Counted, frame: Frame, noise: Noise) -> dict[str, Any]:
    """The figures with their noise, as they are published."""
    rules = frame.rules
    return {
        "schema": SCHEMA,
        "month": month,
        "epsilon_millionths": rules.epsilon_release,
        "epsilon_districts_millionths": rules.epsilon_districts,
        "epsilon_kinds_millionths": rules.epsilon_kinds,
        "most_kg": rules.most_kg,
        "most_kinds": rules.most_kinds,
        "most_acts": rules.most_acts,
        "status": rules.status,
        **_of_districts(counted, frame, noise),
        "kinds": _of_kinds(counted, frame, noise),
    }


def _of_districts(counted: Counted, frame: Frame, noise: Noise) -> dict[str, Any]:
    """A resident changes the numbers of residents by 1 in all, and the grams by ``most_kg``: half of epsilon each."""
    rules = frame.rules
    half, rest = rules.epsilon_districts // 2, rules.epsilon_districts - rules.epsilon_districts // 2
    most_g = rules.most_kg * GRAMS_A_KG
    persons = noise(counted.district_persons, sensitivity=1, epsilon=half)
    grams = noise(counted.district_grams, sensitivity=most_g, epsilon=rest)
    threshold = _threshold(rules, error_bar(1, half))
    return {
        "threshold": threshold,
        "persons_error": error_bar(1, half),
        "credited_error_g": error_bar(most_g, rest),
        "districts": [
            {"code": one.code} | _told(threshold, persons=count, credited_g=mass)
            for one, count, mass in zip(frame.districts, persons, grams, strict=True)
        ],
    }


def _of_kinds(counted: Counted, frame: Frame, noise: Noise) -> dict[str, Any]:
    """A quarter of epsilon for residents, a quarter for acts, the rest for grams.

    A resident is one of those with any act and of ``most_kinds`` kinds, and changes the acts of all kinds together by
    ``most_acts`` at most and the grams by ``most_kg``. Acts and grams of all kinds are the sums of the noisy numbers.
    """
    kinds, rules = frame.kinds, frame.rules
    quarter = rules.epsilon_kinds // 4
    rest = rules.epsilon_kinds - 2 * quarter
    most_kinds, most_g = 1 + min(rules.most_kinds, len(kinds)), rules.most_kg * GRAMS_A_KG
    everybody, *persons = noise(
        [counted.persons, *counted.kind_persons], sensitivity=most_kinds, epsilon=quarter
    )
    acts = noise(counted.kind_acts, sensitivity=rules.most_acts, epsilon=quarter)
    grams = noise(counted.kind_grams, sensitivity=most_g, epsilon=rest)
    persons_error = error_bar(most_kinds, quarter)
    threshold = _threshold(rules, persons_error)
    together = _told(threshold, persons=everybody, acts=sum(acts), credited_g=sum(grams))
    if together["left_out"]:
        # Where there may be nobody at all, a kind that looks like more is noise.
        persons = [-1] * len(kinds)
    return {
        "threshold": threshold,
        "persons_error": persons_error,
        "acts_error": error_bar(rules.most_acts, quarter),
        "credited_error_g": error_bar(most_g, rest),
        "all_acts_error": error_bar_of_sum(len(kinds), rules.most_acts, quarter),
        "all_credited_error_g": error_bar_of_sum(len(kinds), most_g, rest),
        "all": together,
        "rows": [
            {"kind": kind, "sector": kinds[kind]}
            | _told(threshold, persons=persons[no], acts=acts[no], credited_g=grams[no])
            for no, kind in enumerate(kinds)
        ],
    }


def _threshold(rules: PrivateFigures, persons_error: int) -> int:
    """Residents below which nothing is shown: below the error bar a number may well be of nobody."""
    return max(rules.threshold, persons_error)


def _told(threshold: int, *, persons: int, **more: int) -> dict[str, Any]:
    """What is published of a row; decided by its noisy number, which tells no more than is told anyway."""
    numbers = {"persons": persons} | more
    if persons < threshold:
        return dict.fromkeys(numbers) | {"left_out": True}
    return {name: max(0, number) for name, number in numbers.items()} | {"left_out": False}


def count(manifests: Sequence[Manifest], frame: Frame, places: Places, library: Library) -> Counted:
    """A month before any noise, with what each person counts with cut to what the noise is for."""
    with duckdb.connect() as engine:
        _gather(engine, manifests, list(frame.kinds), places, library)
        persons, grams = _by_district(engine, frame.districts, frame.rules)
        return Counted(persons, grams, *cut(engine, len(frame.kinds), frame.rules))


def _gather(
    engine: duckdb.DuckDBPyConnection,
    manifests: Sequence[Manifest],
    kinds: Sequence[str],
    places: Places,
    library: Library,
) -> None:
    """Make the table ``gathered``: acts and milligrams of each account and kind (its number) in the month."""
    numbers = {kind: number for number, kind in enumerate(kinds)}
    known: list[tuple[str, int, int]] = []
    for manifest in manifests:
        used = [
            numbers.get(library.get(one["code"], one["version"]).kind, -1)
            for one in manifest.body["inputs"]["methodologies"]
        ]
        for output in manifest.body["outputs"]:
            if output["rows"]:
                file = str(places.results.checked(output["results"]))
                known.extend((file, no, kind) for no, kind in enumerate(used) if kind >= 0)
    files, methodologies, found = zip(*known, strict=True) if known else ((), (), ())
    table = pa.table(
        {
            "filename": pa.array(files, pa.string()),
            "methodology_no": pa.array(methodologies, pa.int64()),
            "kind": pa.array(found, pa.int32()),
        }
    )
    if not known:
        engine.execute("CREATE TABLE gathered (account_id BIGINT, kind INTEGER, acts BIGINT, mg BIGINT)")
        return
    engine.register("used", table)
    engine.execute(
        "CREATE TABLE gathered AS SELECT account_id, kind, count(*) AS acts, sum(credited_mg)::BIGINT AS mg "
        "FROM read_parquet($files, filename = true) JOIN used USING (filename, methodology_no) "
        "WHERE list_contains($ends, outcome) GROUP BY account_id, kind",
        {"files": sorted(set(files)), "ends": [int(end) for end in CREDITED]},
    )


def _by_district(
    engine: duckdb.DuckDBPyConnection, districts: Sequence[District], rules: PrivateFigures
) -> tuple[list[int], list[int]]:
    """Persons and grams of each district: a person is in the one that they name, with ``most_kg`` at most."""
    homes = HomeDistrict.objects.values_list("resident_id", "code")
    accounts, codes = zip(*homes, strict=True) if homes else ((), ())
    numbers = {one.code: number for number, one in enumerate(districts)}
    table = pa.table(
        {
            "account_id": pa.array(accounts, pa.int64()),
            "district": pa.array([numbers.get(code, -1) for code in codes], pa.int32()),
        }
    )
    engine.register("homes", table)
    found = engine.execute(
        "SELECT district, count(*) AS persons, sum(least(mg // $gram, $most))::BIGINT AS grams "
        "FROM (SELECT account_id, sum(mg) AS mg FROM gathered GROUP BY account_id) JOIN homes USING (account_id) "
        "WHERE district >= 0 GROUP BY district",
        {"gram": MG_A_GRAM, "most": rules.most_kg * GRAMS_A_KG},
    ).fetchnumpy()
    persons, grams = _in_order(len(districts), found["district"], found["persons"], found["grams"])
    return persons, grams


_CUT = """
    WITH ordered AS (
        SELECT kind, acts, mg // $gram AS grams,
            row_number() OVER (PARTITION BY account_id ORDER BY mg DESC, kind) AS place,
            coalesce(sum(acts) OVER before, 0) AS acts_before,
            coalesce(sum(mg // $gram) OVER before, 0) AS grams_before
        FROM gathered
        WINDOW before AS (
            PARTITION BY account_id ORDER BY mg DESC, kind ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
    )
    SELECT kind, count(*) AS persons,
        sum(least(acts, greatest(0, $most_acts - acts_before)))::BIGINT AS acts,
        sum(least(grams, greatest(0, $most_g - grams_before)))::BIGINT AS grams
    FROM ordered WHERE place <= $most_kinds GROUP BY kind
"""


def cut(
    engine: duckdb.DuckDBPyConnection, kinds: int, rules: PrivateFigures
) -> tuple[int, list[int], list[int], list[int]]:
    """Residents with any act; residents, acts and grams by kind, from the table ``gathered``.

    Of each resident the ``most_kinds`` kinds with the most mass count (of the same mass, the first by name), with the
    first ``most_acts`` acts and ``most_kg`` in that order. What is kept depends on that resident alone.
    """
    found = engine.execute(
        _CUT,
        {
            "gram": MG_A_GRAM,
            "most_kinds": rules.most_kinds,
            "most_acts": rules.most_acts,
            "most_g": rules.most_kg * GRAMS_A_KG,
        },
    ).fetchnumpy()
    everybody = engine.execute("SELECT count(DISTINCT account_id) FROM gathered").fetchall()[0][0]
    persons, acts, grams = _in_order(kinds, found["kind"], found["persons"], found["acts"], found["grams"])
    return int(everybody), persons, acts, grams


def _in_order(length: int, places: Any, *columns: Any) -> list[list[int]]:
    """Columns as lists with each number at its place, and zeros where there is none."""
    lists = []
    for column in columns:
        filled = np.zeros(length, np.int64)
        filled[places] = column
        lists.append(filled.tolist())
    return lists
