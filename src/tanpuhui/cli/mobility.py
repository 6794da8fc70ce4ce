"""``tanpuhui baseline mobility``: what a kilometre avoids, by a city's modal split and by what riders replaced."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from tanpuhui.cli.output import console, print_json

if TYPE_CHECKING:
    from tanpuhui.baseline.mobility import Method

DONE = 0


def mobility(
    survey: Annotated[Path, Parameter(help="A survey.toml, as docs/reference/methodology-format.md says.")],
    /,
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="One JSON document on standard output.")
    ] = False,
) -> int:
    """Work out the reduction of a passenger-kilometre by both methods; credited is the smaller, less its deduction.

    Example: tanpuhui baseline mobility methodologies/national/metro-by-survey/v1/survey.toml --json
    """
    from tanpuhui.methodology.survey import read_survey

    read = read_survey(survey)
    found = read.avoided
    by = "mean" if found.mean.credited_g_pkm <= found.substitution.credited_g_pkm else "substitution"
    if as_json:
        print_json(
            {
                "ridden": read.ridden,
                "mean": _method(found.mean),
                "substitution": {**_method(found.substitution), "asked": read.asked},
                "credited_by": by,
                "credited_g_pkm": found.credited_g_pkm,
                "status": read.status,
            }
        )
        return DONE
    for name, method in (("modal split", found.mean), ("substitution", found.substitution)):
        band = f"90 % band ±{method.half_width_90:.1%}" if math.isfinite(method.half_width_90) else "no band"
        console.print(
            f"{name}: {method.avoided_g_pkm:.3f} g/pkm, {band}, deduction {method.deducted:.2%}, "
            f"left {method.credited_g_pkm:.3f}",
            highlight=False,
        )
    console.print(
        f"credited: {found.credited_g_pkm:.3f} g/pkm by {by} ({read.status})", style="bold", highlight=False
    )
    return DONE


def _method(method: Method) -> dict[str, Any]:
    half_width = method.half_width_90
    return {
        "avoided_g_pkm": method.avoided_g_pkm,
        "half_width_90": half_width if math.isfinite(half_width) else None,
        "deducted": method.deducted,
        "credited_g_pkm": method.credited_g_pkm,
    }
