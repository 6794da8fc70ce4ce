"""Survey: a reduction factor that comes from a modal split and from what riders say they replaced.

The factor itself stands in ``methodology.toml`` as any other; a file beside it says where it comes from, and loading
works it out again. So a factor of a survey is never larger than the survey carries, and never better known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from tanpuhui.baseline.mobility import Avoided, Mode, avoided
from tanpuhui.kit.exact import format_fraction
from tanpuhui.methodology.methodology import STATUSES, Status, Value
from tanpuhui.methodology.read import read_toml, shown_path, violations
from tanpuhui.methodology.refusals import NameTwice, SurveyExceeded, SurveyExcluded, SurveyMode, SurveyUnit
from tanpuhui.methodology.units import Unit, parse_unit

#: What a survey gives: of what a parameter that comes from one must be a quantity.
UNIT = "gCO2e/(person*km)"
#: A survey's error is a root, worked out in floats; what may be credited by it is whole micrograms, rounded down.
UG_A_GRAM = 1_000_000


@dataclass(frozen=True)
class Survey:
    """What a survey gives for each passenger-kilometre, and the weakest status of what went into it."""

    ridden: str
    asked: int
    avoided: Avoided
    status: Status


def read_survey(path: Path) -> Survey:
    """A ``survey.toml``; refused where it does not fit its schema, names an unknown mode, or its shares do not sum."""
    raw = read_toml(path)
    for refusal in violations("survey.schema.json", raw, path):
        raise refusal
    modes = _modes(raw, path)
    for key, names in (
        ("ridden", [raw["ridden"]]),
        ("excluded", raw["excluded"]),
        ("split.of", raw["split"]["of"]),
        ("replaced.of", raw["replaced"]["of"]),
    ):
        for name in names:
            if name not in modes:
                raise SurveyMode(
                    where=f"{shown_path(path)}: {key}", name=name, known=", ".join(sorted(modes))
                )
    for name in raw["excluded"]:
        if modes[name].factor_g_pkm > 0:
            raise SurveyExcluded(where=f"{shown_path(path)}: excluded", name=name)
    statuses = [part["status"] for part in (raw["split"], raw["replaced"], *raw["modes"])]
    return Survey(
        ridden=raw["ridden"],
        asked=raw["replaced"]["asked"],
        avoided=avoided(
            modes[raw["ridden"]],
            modes,
            split=_shares(raw["split"]),
            replaced=_shares(raw["replaced"]),
            asked=raw["replaced"]["asked"],
            split_asked=raw["split"]["asked"],
            excluded=frozenset(raw["excluded"]),
            rebound=float(raw["rebound"]),
        ),
        status=max(statuses, key=STATUSES.index),
    )


def check_value(value: Value, unit: Unit, path: Path, where: str) -> None:
    """A value that names a survey is at most what the survey gives, and has its weakest status or a weaker one."""
    survey, given = read_survey(path), parse_unit(UNIT)
    if unit.dimensions != given.dimensions:
        raise SurveyUnit(where=where, unit=unit.symbol, expected=UNIT)
    most_ug_pkm = math.floor(survey.avoided.credited_g_pkm * UG_A_GRAM)
    most = Fraction(most_ug_pkm, UG_A_GRAM) * given.scale / unit.scale
    if value.value > most or STATUSES.index(value.status) < STATUSES.index(survey.status):
        raise SurveyExceeded(
            where=where,
            file=shown_path(path),
            most=f"{format_fraction(most)} {unit.symbol}",
            status=survey.status,
            value=format_fraction(value.value),
            stated=value.status,
        )


def _modes(raw: dict[str, Any], path: Path) -> dict[str, Mode]:
    modes: dict[str, Mode] = {}
    for one in raw["modes"]:
        if one["name"] in modes:
            raise NameTwice(where=f"{shown_path(path)}: modes", name=one["name"])
        modes[one["name"]] = Mode(float(one["factor_g_pkm"]), float(one["relative_error"]))
    return modes


def _shares(raw: dict[str, Any]) -> dict[str, float]:
    return {name: float(share) for name, share in raw["of"].items()}
