"""Unknown: the bound of a programme some of whose homes have no reading, no higher than any reading would make it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tanpuhui.baseline.arrays import Floats, Whole

#: One-sided 95 % of the normal distribution.
Z_95 = 1.645
#: Times what all homes may use: a draw that says nothing at all is taken to be so far off, which certifies nothing.
FAR = 1_000


@dataclass(frozen=True)
class Effect:
    """What a programme saved in all, signed, its error, and the most that may be certified (whole units, down)."""

    saved: float
    standard_error: float
    lower_bound: int

    @property
    def certifies(self) -> bool:
        return self.lower_bound > 0


@dataclass(frozen=True)
class Unknown:
    """Homes and controls whose use after is not known, by their places; each used 0 to ``most`` (homes, then controls).

    Where not even the baseline is known it is from 0 to ``most_before``, which is 0 where it is known. What is not
    known is given as 0 where the effect is asked for.
    """

    homes: Whole
    controls: Whole
    most: Floats
    most_before: Floats | None = None

    @property
    def is_open(self) -> bool:
        """Whether the baseline of any of them is not known either."""
        return self.most_before is not None and bool((self.most_before > 0).any())

    @property
    def ranges(self) -> Floats:
        """The most of each number that is not known: use after of all, then the baselines."""
        return self.most if self.most_before is None else np.concatenate([self.most, self.most_before])


@dataclass(frozen=True)
class Part:
    """An effect as a line in what is not known: its value where all of it is 0, what a unit more of each number adds
    (:attr:`Unknown.ranges`), and how far the effect is ``beyond`` that line at most."""

    value: float
    slope: Floats
    beyond: float = 0.0


def least(found: Part, drawn: list[Part], most: Floats, *, lowest: float | None = None) -> Effect:
    """An effect and an error whose bound is no higher than with any numbers that are not known, each 0 to ``most``.

    Take first what has nothing beyond its line: the effect is linear in what is not known, and so is each draw. Begin
    where the effect is least: each number at the end of its range that its slope points away from. On a way t from
    there the effect is S + a t, with a not below 0, and the variance of draws is v + 2 g t + t'Ct, C being the
    covariance of slopes; t'Ct <= L sum(C_ii t_i^2), L being the largest eigenvalue of their correlations. For any s
    above 0 the root of w is at most (s + w / s) / 2, its tangent, so the bound is no lower than

        S - z / 2 (s + v / s) + sum of (a_i t_i - z / (2 s) (2 g_i t_i + L C_ii t_i^2)).

    Each term is concave in one number's t_i and 0 where it begins: it is least there, or at the other end. Of the two s
    that are tried, the one with the higher bound counts; both hold.

    With N beyond the line, |N| <= e, the effect is no lower than the line's less e. A spread of sums is no more than
    the sum of spreads (Minkowski), and that of N over D draws no more than the root of sum(e^2) / (D - 1), whatever the
    signs are. Both come off. ``lowest`` is the least effect where somebody knows it exactly.
    """
    slopes, values = np.array([one.slope for one in drawn]), np.array([one.value for one in drawn])
    at = np.where(found.slope < 0, most, 0.0)
    line = found.value + float(found.slope @ at)
    reached = values + slopes @ at
    turn = most - 2 * at
    centred, free = slopes - slopes.mean(axis=0), len(drawn) - 1
    own = (centred**2).sum(axis=0) / free
    with_drawn = centred.T @ (reached - reached.mean()) / free
    varies = own > 0
    scaled = centred[:, varies] / np.sqrt(own[varies] * free)
    narrow = scaled.T @ scaled if scaled.shape[1] < scaled.shape[0] else scaled @ scaled.T
    largest = float(np.linalg.eigvalsh(narrow)[-1]) if varies.any() else 0.0
    variance = float(reached.var(ddof=1))
    more = 2 * with_drawn * turn + largest * own * turn**2
    tried = [math.sqrt(variance), math.sqrt(variance + float(np.maximum(more, 0.0).sum()))]
    bounds = [
        line
        - Z_95 / 2 * (s + variance / s)
        + float(np.minimum(found.slope * turn - Z_95 / (2 * s) * more, 0.0).sum())
        for s in tried
        if s > 0
    ]
    beyond = np.array([one.beyond for one in drawn])
    bound = max(bounds, default=line) - found.beyond - Z_95 * math.sqrt(float(beyond @ beyond) / free)
    saved = line - found.beyond if lowest is None else lowest
    return Effect(saved=saved, standard_error=(saved - bound) / Z_95, lower_bound=max(math.floor(bound), 0))


def ratio_part(
    *,
    baseline: Floats,
    after: Floats,
    controls_baseline: Floats,
    controls_after: Floats,
    times: Floats,
    controls_times: Floats,
    unknown: Unknown,
) -> Part:
    """S = Y / X A - B of drawn homes: A and B are the sums of homes before and after, X and Y those of controls.

    With A + a, X + x and Y + y, of which a, x and y are not known, and R = Y / X, R A moves by

        R a + (y - R x) A / X + (y - R x) ((A + a) / (X + x) - A / X).

    The first two are the line; |y - R x| is at most the larger of y and R x, and the last factor is between those of
    (a = 0, x = most) and (a = most, x = 0).
    """
    of_homes, of_controls = times[unknown.homes], controls_times[unknown.controls]
    under = max(float(controls_times @ controls_baseline), 1e-12)
    over, whole = float(controls_times @ controls_after), float(times @ baseline)
    value = over / under * whole - float(times @ after)
    slope = np.concatenate([-of_homes, of_controls * (whole / under)])
    if unknown.most_before is None:
        return Part(value, slope)
    ratio = over / under
    slope = np.concatenate([slope, of_homes * ratio, -of_controls * (ratio * whole / under)])
    split = len(of_homes)
    y = float(of_controls @ unknown.most[split:])
    a, x = float(of_homes @ unknown.most_before[:split]), float(of_controls @ unknown.most_before[split:])
    turned = max(a / under, whole / under - whole / (under + x))
    return Part(value, slope, min(max(y, ratio * x) * turned, _far(len(baseline), unknown)))


def line_part(
    *,
    before: Floats,
    after: Floats,
    held_before: Floats,
    held_after: Floats,
    times: Floats,
    held_times: Floats,
    unknown: Unknown,
) -> Part:
    """L5 of drawn homes where some baselines are not known: S = n (y_h - y_a + b (x_a - x_h)), x and y being means of
    the n homes asked (a) and those held out (h), and b the common slope, which baselines that are not known move.

    With the slope c of homes of which both are known in place of b, S is linear: that is the line. The rest is
    n (b - c) (x_a - x_h). In each group let u = x - mean and r = y - mean - c u, the means and their sum V of u^2 being
    those of homes that are known; let A and B be what homes that are not known add to the sums of u^2 and r^2 within
    groups. They add u r to the sum of products, that of the others being 0, so (Cauchy and Schwarz)

        |b - c| <= sqrt(A B) / (V + A).

    Of a group of n_g homes of which w are not known the mean moves by sum(u) / n_g, at most sqrt(A_g w / (n_g (n_g -
    w))). So with d = x_a - x_h of homes that are known, and k the root of both groups' w / (n_g (n_g - w)),

        |b - c| |x_a - x_h| <= sqrt(B) (|d| sqrt(A) + k A) / (V + A).

    A and B are no larger than where every u and r is at the corner of its home's range that is furthest from 0; the
    first fraction is largest at A = V if that is less, and the second rises with A.
    """
    homes, split = len(before), len(unknown.homes)
    most_before = np.zeros(len(unknown.most)) if unknown.most_before is None else unknown.most_before
    groups = (
        (before, after, times, unknown.homes, slice(None, split)),
        (held_before, held_after, held_times, unknown.controls, slice(split, None)),
    )
    spread = product = 0.0
    means = []
    for x, y, weight, places, _those in groups:
        known = weight.copy()
        known[places] = 0.0
        count = max(float(known.sum()), 1e-12)
        x_mean, y_mean = float(known @ x) / count, float(known @ y) / count
        spread += float(known @ (x - x_mean) ** 2)
        product += float(known @ ((x - x_mean) * (y - y_mean)))
        means.append((x_mean, y_mean))
    c = product / spread if spread > 0 else 0.0
    more_u = more_r = moved = 0.0
    for (x, _y, weight, places, those), (x_mean, y_mean) in zip(groups, means, strict=True):
        drawn = weight[places]
        ends_u = [x[places] - x_mean, x[places] + most_before[those] - x_mean]
        ends_r = [y - y_mean - c * u for u in ends_u for y in (0.0, unknown.most[those])]
        more_u += float(drawn @ np.max(np.square(ends_u), axis=0))
        more_r += float(drawn @ np.max(np.square(ends_r), axis=0))
        there = float(weight.sum() - drawn.sum())
        moved += float(drawn.sum()) / (len(x) * max(there, 1e-12))
    apart = abs(means[0][0] - means[1][0])
    at_mean = _at_most(more_u, spread, apart)
    beyond = (
        homes
        * math.sqrt(more_r)
        * (at_mean + (math.sqrt(moved) * more_u / (spread + more_u) if more_u > 0 else 0.0))
    )
    value = homes * (
        float(held_times @ held_after) / len(held_before)
        - float(times @ after) / homes
        + c * (float(times @ before) / homes - float(held_times @ held_before) / len(held_before))
    )
    per_home, per_control = times[unknown.homes], held_times[unknown.controls] * (homes / len(held_before))
    slope = np.concatenate([-per_home, per_control])
    if unknown.most_before is not None:
        slope = np.concatenate([slope, c * per_home, -c * per_control])
    return Part(value, slope, min(beyond, _far(homes, unknown)))


def _at_most(more: float, spread: float, apart: float) -> float:
    """The most of apart sqrt(A) / (spread + A) for A from 0 to ``more``."""
    if apart == 0 or more == 0:
        return 0.0
    at = min(more, spread)
    return apart * math.sqrt(at) / (spread + at) if at > 0 else math.inf


def _far(homes: int, unknown: Unknown) -> float:
    return FAR * homes * float(unknown.ranges.max())
