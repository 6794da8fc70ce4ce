"""Engines: what DuckDB computes in this process, Spark computes on a cluster and Sail as its server, to the milligram.

One cluster of two workers on this machine (``local-cluster``) and one server serve all tests here. They are skipped
where Java, PySpark or Sail is missing (``requirements/spark.txt``).
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from close.town import DAY, TAKEN_AT, Town, act, manifest, metro, posted_lines
from quantify.cases import CASES, Case
from quantify.city import quantify_on
from quantify.merged import case_files, credits_by_case, distances_of, ends_by_case, grouped
from tanpuhui.close.replay import replay
from tanpuhui.close.run import close_day
from tanpuhui.quantify.engines.choice import EMBEDDED, EngineChoice, Running, running

pytestmark = pytest.mark.slow

DAY_BEFORE = timedelta(days=1)
#: Two workers of one core each, in processes of their own.
MASTER = "local-cluster[2,1,512]"
#: What runs for seconds and not hours: no time for the second compiler, nor for code of each query's own.
DEFAULTS = """
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
spark.executor.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
spark.executor.memory 512m
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.sql.adaptive.enabled false
spark.sql.shuffle.partitions 1
spark.sql.files.openCostInBytes 0
"""


@dataclass(frozen=True)
class Found:
    """An engine that answers, and how it was chosen."""

    choice: EngineChoice
    running: Running


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed (requirements/spark.txt)")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed (default-jre-headless)")
    folder = tmp_path_factory.mktemp("spark")
    (folder / "spark-defaults.conf").write_text(DEFAULTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(folder))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        choice = EngineChoice("spark", master=MASTER)
        with running(choice, folder) as found:
            yield Found(choice, found)


@pytest.fixture(scope="module")
def sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    server = pytest.importorskip("pysail.spark", reason="Sail is not installed (requirements/spark.txt)")
    serving = server.SparkConnectServer()
    serving.start(background=True)
    host, port = serving.listening_address
    choice = EngineChoice("spark", remote=f"sc://{host}:{port}")
    with running(choice, tmp_path_factory.mktemp("sail")) as found:
        yield Found(choice, found)
    serving.stop()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    with running(EMBEDDED, tmp_path_factory.mktemp("duckdb")) as found:
        yield Found(EMBEDDED, found)


@pytest.fixture(scope="module", params=["embedded", "sail", "spark"])
def engine(request: pytest.FixtureRequest) -> Found:
    found: Found = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module", params=["sail", "spark"])
def other(request: pytest.FixtureRequest) -> Found:
    found: Found = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("cases", grouped(CASES).values(), ids=lambda cases: f"{len(cases)} cases")
def test_every_case_ends_on_every_engine_as_worked_by_hand(
    engine: Found, embedded: Found, cases: list[Case], tmp_path: Path
) -> None:
    files, distances, as_of = case_files(tmp_path, cases), distances_of(cases), cases[0].as_of
    with engine.running.start("500MB", 1) as one:
        result = quantify_on(one, files, distances=distances, as_of=as_of)
    with embedded.running.start("500MB", 1) as one:
        expected = quantify_on(one, files, distances=distances, as_of=as_of)

    assert ends_by_case(result, cases) == {case.says: case.ends for case in cases}
    credited = credits_by_case(result, cases)
    assert all(credited[case.says] == case.credits for case in cases if case.credits is not None)
    assert result.digest == expected.digest
    assert result.below_mg == expected.below_mg
    assert result.credits.equals(expected.credits)
    assert result.short_of_room.equals(expected.short_of_room)


#: What engines have been seen to get wrong, and what whole numbers give.
WHOLE = [
    ("9007199254740993 // 3", 3_002_399_751_580_331),
    ("4611686018427387904 // 3", 1_537_228_672_809_129_301),
    (
        "CAST(9007199254740993 AS HUGEINT) * CAST(1234567891234567 AS HUGEINT) // 12345678901234",
        900_719_926_284_788_015,
    ),
    ("-(7 // 2)", -3),
    ("GREATEST(CAST(NULL AS BIGINT), 3)", 3),
    ("LEAST(5, CAST(NULL AS BIGINT))", 5),
    ("5 & 6", 4),
    ("CAST(9223372036854775807 AS BIGINT)", 2**63 - 1),
]


def test_whole_numbers_stay_whole_on_every_engine(engine: Found) -> None:
    query = ", ".join(f"CAST({text} AS BIGINT) AS a{number}" for number, (text, _) in enumerate(WHOLE))
    with engine.running.start("500MB", 1) as one:
        one.put("nothing", pa.table({"a": pa.array([1], pa.int64())}))
        [row] = one.table(f"SELECT {query} FROM nothing").to_pylist()

    assert list(row.values()) == [value for _, value in WHOLE]


def test_a_close_is_replayed_on_the_other_engine_and_agrees(town: Town, other: Found) -> None:
    """Corrections, a person unknown at first, and a yearly cap whose file is an input of other days.

    In one bucket, since Spark takes seconds for each. Three phones a person and year, at 51,903,000 mg.
    """
    town = replace(town, buckets=1)
    people = town.settle("ab")
    town.take(metro("1", "a", 10_000), metro("2", "late", 3_000), metro("3", "nobody", 100))
    town.take(metro("1", "a", 9_000, revision=1, action="report"))
    town.link({"late": people["b"]})
    town.take(act("second_hand_sale", "4", "a", day=DAY - DAY_BEFORE, pieces=2))
    town.take(*(act("second_hand_sale", f"{number}", "a", day=DAY) for number in (5, 6)))
    town.close(DAY - DAY_BEFORE)
    given = {"places": town.places, "jurisdiction": town.jurisdiction, "library": town.library}

    there = close_day(DAY, at=TAKEN_AT, engine=other.choice, **given)
    lines = posted_lines()
    here = replay(manifest(there), **given)
    again = close_day(DAY, at=TAKEN_AT, **given)

    assert manifest(there).body["engine"] == {"name": "spark", "version": other.running.version}
    assert here.agrees, here.differences
    assert manifest(there).body["yearly"]["credits"]
    assert here.credited_mg == 420_300 + 140_100 + 51_903_000
    assert (again.posted, again.manifest) == (False, there.manifest)
    assert posted_lines() == lines
    assert not list(town.places.lake.glob(".computing/*"))
