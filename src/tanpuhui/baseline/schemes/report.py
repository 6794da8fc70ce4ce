"""Report: a trial as one JSON document: the table of schemes, the claims, and the settings of the city."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tanpuhui.baseline.schemes import city
from tanpuhui.baseline.schemes.claims import Claim
from tanpuhui.baseline.schemes.trial import Trial

#: The table's columns, in words: per cent of use, but "of true" is issued for each unit truly saved.
COLUMNS = {
    "no_effect_percent": "no effect",
    "mild_percent": "mild year",
    "selected_percent": "joined after high year",
    "true_3_of_truth": "of true 3 %",
    "true_8_of_truth": "of true 8 %",
    "falsely_percent": "cities that issue falsely",
}


def report(trial: Trial, held: tuple[Claim, ...]) -> dict[str, Any]:
    return {
        "settings": {
            "seeds": trial.seeds,
            "homes": trial.homes,
            "joined": trial.homes // 2,
            "level_sd": city.LEVEL_SD,
            "drift_sd": city.DRIFT_SD,
            "shock_sd": city.SHOCK_SD,
            "noise_sd": city.NOISE_SD,
            "season": city.SEASON,
            "day_sd": city.DAY_SD,
            "joining_sd": city.JOINING_SD,
            "mean_month_wh": city.MEAN_MONTH_WH,
        },
        "schemes": [_row(trial, scheme.code, scheme.title) for scheme in trial.schemes],
        "claims": [asdict(claim) for claim in held],
    }


def _row(trial: Trial, code: str, title: str) -> dict[str, Any]:
    def percent(part: float) -> float:
        return round(100 * part, 2)

    return {
        "scheme": code,
        "title": title,
        "no_effect_percent": percent(trial.part(code, "no_effect")),
        "mild_percent": percent(trial.part(code, "mild")),
        "selected_percent": percent(trial.part(code, "selected")),
        "true_3_of_truth": round(trial.of_truth(code, "true_3"), 2),
        "true_8_of_truth": round(trial.of_truth(code, "true_8"), 2),
        "falsely_percent": percent(trial.falsely(code, "no_effect")),
        "issued_percent": {
            world: percent(trial.part(code, world)) for world in ("no_effect", "true_3", "true_8")
        },
    }
