"""Trial: every scheme in every world of many cities, and what each issued there against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tanpuhui.baseline.arrays import Floats
from tanpuhui.baseline.comparison import conformal_factor
from tanpuhui.baseline.refusals import SchemeAnswer, SchemeFails, TooFewCities, TooFewControls
from tanpuhui.baseline.schemes.city import EIGHT, NO_EFFECT, WORLDS, City, draw, live
from tanpuhui.baseline.schemes.rules import OURS, comparable, pooled
from tanpuhui.baseline.schemes.scheme import MONTHS, Readings, Scheme
from tanpuhui.baseline.schemes.unlike import noisier
from tanpuhui.kit.progress import Report, nobody, told

ALPHA = 0.10
LEAST_HOMES, LEAST_SEEDS = 100, 2


@dataclass(frozen=True)
class Trial:
    """Parts of use without the programme, by city: issued[scheme][world]; and what the claims rest on besides."""

    seeds: int
    homes: int
    schemes: tuple[Scheme, ...]
    issued: dict[str, dict[str, Floats]]
    true: dict[str, Floats]
    signed: Floats
    covered: Floats
    flagged: dict[str, Floats]
    quiet: Floats
    noisy: Floats

    def part(self, scheme: str, world: str) -> float:
        """Issued on average, as a part of use."""
        return float(self.issued[scheme][world].mean())

    def of_truth(self, scheme: str, world: str) -> float:
        """Issued for each unit that was truly saved, on average."""
        return self.part(scheme, world) / float(self.true[world].mean())

    def falsely(self, scheme: str, world: str) -> float:
        """In which part of the cities anything was issued."""
        return float((self.issued[scheme][world] > 0).mean())


def run(seeds: int, homes: int, schemes: Sequence[Scheme], report: Report = nobody) -> Trial:
    """Draw ``seeds`` cities of ``homes``, half of which join, and let every scheme issue in each world."""
    if homes < LEAST_HOMES:
        raise TooFewControls(found=homes, least=LEAST_HOMES)
    if seeds < LEAST_SEEDS:
        raise TooFewCities(found=seeds, least=LEAST_SEEDS)
    issued = {s.code: {w.code: np.zeros(seeds) for w in WORLDS} for s in schemes}
    true = {w.code: np.zeros(seeds) for w in WORLDS}
    flagged = {w.code: np.zeros(seeds) for w in WORLDS}
    signed, covered, quiet, noisy = np.zeros((4, seeds))
    for seed in told(range(seeds), report, "Issuing in cities", seeds):
        city = draw(seed, homes)
        for world in WORLDS:
            outcome = live(city, world)
            true[world.code][seed] = outcome.saved_wh / outcome.expected_wh
            flagged[world.code][seed] = not comparable(outcome.readings)
            for scheme in schemes:
                amount = issue(scheme, outcome.readings)
                issued[scheme.code][world.code][seed] = amount / outcome.expected_wh
        signed[seed], covered[seed] = _nothing_done(city)
        quiet[seed], noisy[seed] = _with_noise(city)
    return Trial(
        seeds=seeds,
        homes=homes,
        schemes=tuple(schemes),
        issued=issued,
        true=true,
        signed=signed,
        covered=covered,
        flagged=flagged,
        quiet=quiet,
        noisy=noisy,
    )


def issue(scheme: Scheme, readings: Readings) -> int:
    """What a scheme issues in all, in Wh, once its answer is seen to be one."""
    try:
        answer = np.asarray(scheme.rule(readings))
    except Exception as error:
        raise SchemeFails(scheme=scheme.code, problem=f"{type(error).__name__}: {error}") from error
    if answer.shape != readings.home.shape or answer.dtype.kind not in "iu" or (answer < 0).any():
        raise SchemeAnswer(
            scheme=scheme.code, type=str(answer.dtype), shape=list(answer.shape), homes=len(readings.home)
        )
    return int(answer.sum())


def _nothing_done(city: City) -> tuple[float, float]:
    """The pooled effect before any bound as a part of use, and how many peers the conformal bound covers."""
    outcome = live(city, NO_EFFECT)
    readings = outcome.readings
    ratio = readings.peers_after_wh.sum(axis=1) / readings.peers_before_wh[:, MONTHS:].sum(axis=1)
    half = len(ratio) // 2
    factor = conformal_factor(ratio[:half], ALPHA)
    return pooled(readings, draws=2).saved / outcome.expected_wh, float((ratio[half:] >= factor).mean())


def _with_noise(city: City) -> tuple[float, float]:
    """What ours issues at a true 8 %, as meters read and after noise was added to the joined homes' own meters."""
    outcome = live(city, EIGHT)
    noise = noisier(outcome.readings, sd=0.5, seed=city.seed)
    return (
        issue(OURS, outcome.readings) / outcome.expected_wh,
        issue(OURS, noise) / outcome.expected_wh,
    )
