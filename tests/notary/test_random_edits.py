"""Random edits of certified tables, with every rule off: the audit names the row. bench/audit.py makes ten thousand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench" / "audit.py"


@pytest.mark.slow
def test_each_of_sixty_random_edits_is_named_and_no_other_row_is(db: None, fresh_home: Path) -> None:
    bench = load()

    counted = bench.measure(bench.make(fresh_home), edits=60, seed=2)

    assert counted.missed == []
    assert counted.wrong == []
    assert counted.edits == 60
    assert set(counted.caught) == {"change", "delete", "insert", "exchange"}
    assert len(counted.tables) >= 20


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_bench", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit_bench"] = module
    spec.loader.exec_module(module)
    return module
