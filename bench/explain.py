"""How long one explanation takes inside the process: median over the library's own examples.

Run: .venv/bin/python bench/explain.py
"""

from __future__ import annotations

import statistics
import time
import tomllib
from datetime import date
from typing import Any

from tanpuhui.methodology.evaluate import evaluate
from tanpuhui.methodology.load import load_library
from tanpuhui.methodology.methodology import Methodology

CALLS = 2_000


def main() -> None:
    """Load the library, then explain every methodology's first example again and again."""
    started = time.perf_counter()
    library = load_library()
    loaded_ms = (time.perf_counter() - started) * 1000
    medians = {str(methodology): median_us(methodology) for methodology in library.all()}
    for name, median in sorted(medians.items(), key=lambda item: -item[1]):
        print(f"{name:45} {median:8.1f} us")
    print(
        f"explain: median {statistics.median(medians.values()):.1f} us, slowest {max(medians.values()):.1f} us"
    )
    print(f"loading {len(medians)} methodologies, with imports: {loaded_ms:.0f} ms")


def median_us(methodology: Methodology) -> float:
    """The median of many calls, in microseconds."""
    activity, day = first_example(methodology)
    return statistics.median(timed_us(methodology, activity, day) for _ in range(CALLS))


def timed_us(methodology: Methodology, activity: dict[str, Any], day: date) -> float:
    started = time.perf_counter()
    evaluate(methodology, activity, day)
    return (time.perf_counter() - started) * 1_000_000


def first_example(methodology: Methodology) -> tuple[dict[str, Any], date]:
    """The first example that is not excluded, and its day."""
    text = (methodology.folder / "examples.toml").read_text(encoding="utf-8")
    example = next(item for item in tomllib.loads(text)["examples"] if "excluded_by" not in item)
    return example["activity"], example.get("on", methodology.valid_from)


if __name__ == "__main__":
    main()
