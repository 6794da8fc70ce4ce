"""Frame: every credited act of an engagement in columns, from its frozen result files, with provider, kind and stratum.

A stratum is a provider, a kind, and a third of its milligrams: few large acts, more middling, many small ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.store import checked
from tanpuhui.evidence.lake import UNLINKED
from tanpuhui.evidence.models import Batch
from tanpuhui.evidence.record import ASSEMBLED, ROWS_PER_BATCH
from tanpuhui.kit.step import Step
from tanpuhui.quantify.engines.duckdb import DuckDb

#: Parts into which the milligrams of a provider's kind are cut, from small acts to large ones.
BANDS = 3
MEMORY_LIMIT = "1GB"


@dataclass(frozen=True)
class StratumOf:
    """A stratum of the frame: where it comes from, how large its acts are, how many and how much they are."""

    number: int
    provider: str
    kind: str
    band: int
    least_mg: int
    most_mg: int
    acts: int
    credited_mg: int

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@contextmanager
def frame(manifests: list[Manifest], methodology: str, places: Places) -> Iterator[DuckDb]:
    """An engine with the relations ``act`` (with its stratum) and ``stratum``; every file is checked by its digest."""
    results = [file for one in manifests for file in _result_files(one, methodology, places)]
    with DuckDb(memory_limit=MEMORY_LIMIT) as engine:
        engine.put(
            "file",
            pa.table({name: [row[name] for row in results] for name in ("path", "manifest", "number")}),
        )
        engine.put("batch", _batches())
        engine.put("assembled", pa.table({"raw": list(ASSEMBLED), "kind": list(ASSEMBLED.values())}))
        engine.run(_steps([row["path"] for row in results], _record_files(manifests, places)))
        [(ended, named)] = engine.rows("SELECT (SELECT count(*) FROM ended), (SELECT count(*) FROM named)")
        assert ended == named, f"{ended - named} credited acts without their record"
        yield engine


def strata(engine: DuckDb) -> list[StratumOf]:
    """The strata of a frame, in order."""
    query = "SELECT number, provider, kind, band, least_mg, most_mg, acts, credited_mg FROM stratum ORDER BY number"
    return [StratumOf(*row) for row in engine.rows(query)]


def _result_files(manifest: Manifest, methodology: str, places: Places) -> list[dict[str, Any]]:
    keys = [f"{one['code']}@{one['version']}" for one in manifest.body["inputs"]["methodologies"]]
    return [
        {
            "path": str(places.results.checked(output["results"])),
            "manifest": manifest.digest,
            "number": keys.index(methodology),
        }
        for output in manifest.body["outputs"]
        if output["rows"]
    ]


def _record_files(manifests: list[Manifest], places: Places) -> list[Path]:
    """The files in which the kinds of the acts are, each once."""
    files: dict[Path, str] = {}
    for manifest in manifests:
        inputs = manifest.body["inputs"]
        for file in inputs["evidence"]:
            if file["day"] == inputs["day"] and file["bucket"] != UNLINKED:
                files[places.lake / file["path"]] = file["digest"]
        for bucket, digest in inputs["resolved"].items():
            if int(bucket) != UNLINKED:
                files[places.frozen.path(digest)] = digest
    return [checked(path, digest) for path, digest in files.items()]


def _batches() -> pa.Table:
    known = list(Batch.objects.order_by("pk").values_list("pk", "provider"))
    return pa.table(
        {
            "id": pa.array([number for number, _ in known], pa.int64()),
            "provider": pa.array([provider for _, provider in known], pa.string()),
        }
    )


def _steps(results: list[str], records: list[Path]) -> list[Step]:
    return [
        Step(
            "ended",
            f"SELECT r.record_id, r.account_id, r.credited_mg, f.manifest, r.record_id // {ROWS_PER_BATCH} AS batch "
            f"FROM read_parquet({_listed(results)}, filename = true) AS r JOIN file AS f ON f.path = r.filename "
            "WHERE r.methodology_no = f.number AND r.credited_mg > 0",
            kept=True,
        ),
        Step(
            "reported",
            f"SELECT DISTINCT record_id, kind FROM read_parquet({_listed(records)}, union_by_name = true, "
            "hive_partitioning = false) SEMI JOIN ended USING (record_id)",
            kept=True,
        ),
        Step(
            "named",
            "SELECT e.record_id, e.account_id, e.credited_mg, e.manifest, b.provider, coalesce(a.kind, p.kind) AS kind "
            "FROM ended AS e JOIN batch AS b ON b.id = e.batch JOIN reported AS p USING (record_id) "
            "LEFT JOIN assembled AS a ON a.raw = p.kind",
            kept=True,
        ),
        Step(
            "size",
            "SELECT provider, kind, credited_mg, sum(credited_mg::HUGEINT) AS together FROM named GROUP BY ALL",
        ),
        # Where, in the milligrams of acts that are smaller, a size lies: the same for equal acts.
        Step(
            "sized",
            "SELECT provider, kind, credited_mg, least((sum(together) OVER (PARTITION BY provider, kind "
            f"ORDER BY credited_mg) - together) * {BANDS} // sum(together) OVER (PARTITION BY provider, kind), "
            f"{BANDS - 1})::INTEGER AS band FROM size",
        ),
        Step(
            "stratum",
            "SELECT row_number() OVER (ORDER BY provider, kind, band)::INTEGER AS number, provider, kind, band, "
            "min(credited_mg) AS least_mg, max(credited_mg) AS most_mg, count(*) AS acts, "
            "sum(credited_mg)::BIGINT AS credited_mg "
            "FROM named JOIN sized USING (provider, kind, credited_mg) GROUP BY provider, kind, band",
            kept=True,
        ),
        Step(
            "act",
            "SELECT n.record_id, n.account_id, n.credited_mg, n.manifest, n.provider, n.kind, s.number AS stratum "
            "FROM named AS n JOIN stratum AS s ON s.provider = n.provider AND s.kind = n.kind "
            "AND n.credited_mg BETWEEN s.least_mg AND s.most_mg",
        ),
    ]


def _listed(files: list[Any]) -> str:
    return "[" + ", ".join("'" + str(file).replace("'", "''") + "'" for file in files) + "]"
