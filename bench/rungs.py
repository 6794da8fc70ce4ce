"""Rungs: how often each rung of a saving programme certifies where nobody saved, and how much where homes did.

As a programme is settled, through ``programme.estimate``: 200 made-up lists of 500 homes, of which 40 % are held out;
everybody uses 6 % less in the second year. Limits: 8.1 % of lists (5 % and two standard errors of 200), and the truth.
Then what homes that are missing after cost, with and without a frozen baseline.

    .venv/bin/python bench/rungs.py [LISTS] [--missing]

``--missing`` prints the costs of missing homes alone, on a twentieth of the lists.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from programme.simulated import Simulated, simulate
from tanpuhui.programme import estimate
from tanpuhui.programme.estimate import Limit

RUNGS = (
    ("L2", "all"),
    ("L3", "all"),
    ("L3", "stratified"),
    ("L3", "matched"),
    ("L4", "all"),
    ("L4", "stratified"),
    ("L4", "matched"),
    ("L5", "all"),
)
LISTS, DRAWS = 200, 200


#: Whether before is frozen, and the limit that is declared.
WAYS = {
    "nothing frozen": (False, Limit()),
    "frozen": (True, Limit()),
    "frozen, 300 % or 600 kWh": (True, Limit(percent=300, energy_wh=600_000)),
}


def main(lists: int, *, only_missing: bool = False) -> int:
    estimate.DRAWS = DRAWS
    worst = 0 if only_missing else certify(lists)
    leave_out(max(lists // 20, 1))
    return int(worst > 0)


def certify(lists: int) -> int:
    """Prints a line a rung; answers how many are above their limit."""
    worst = 0
    print("rung comparison: lists that certify with no effect; certified of use at no effect, 3 %, 8 %")
    for rung, comparison in RUNGS:
        parts = {}
        for saving in (0.0, 0.03, 0.08):
            found = []
            for seed in range(lists):
                one = simulate(seed, saving=saving, rung=rung, comparison=comparison)
                found.append(one.estimated().bound_wh / without_wh(one, saving))
            parts[saving] = np.array(found)
        falsely = float((parts[0.0] > 0).mean())
        shares = ", ".join(f"{100 * part.mean():.2f} %" for part in parts.values())
        print(f"{rung} {comparison}: {100 * falsely:.1f} %; {shares}", flush=True)
        worst += falsely > 0.081 or any(part.mean() >= saving for saving, part in parts.items() if saving)
    return worst


def leave_out(lists: int) -> None:
    """What homes that are missing after cost: 2,000 homes, 30 % held out, the others save 8 %; any homes."""
    print("homes asked and held out that are missing: bound of use by what was frozen")
    for rung in ("L5", "L3"):
        for asked, held in ((0, 0), (0, 1), (7, 3), (14, 6), (70, 30)):
            told = []
            for name, (frozen, limit) in WAYS.items():
                parts = []
                for seed in range(lists):
                    one = simulate(
                        seed, homes=2_000, percent=30, saving=0.08, rung=rung, limit=limit, frozen=frozen
                    )
                    theirs = sorted(one.draw.held)
                    ours = sorted(set(one.draw.listed) - one.draw.held)
                    found = one.estimated([*ours[:asked], *theirs[:held]])
                    parts.append(found.bound_wh / without_wh(one, 0.08))
                told.append(f"{name} {100 * float(np.mean(parts)):.2f} %")
            print(f"{rung} {asked} and {held}: {'; '.join(told)}", flush=True)


def without_wh(one: Simulated, saving: float) -> float:
    """What homes that were asked would have used."""
    held = np.isin(np.arange(len(one.now)), list(one.draw.held))
    return float(one.now[~held].sum()) / (1 - saving)


if __name__ == "__main__":
    given = [one for one in sys.argv[1:] if one != "--missing"]
    sys.exit(main(int(given[0]) if given else LISTS, only_missing="--missing" in sys.argv))
