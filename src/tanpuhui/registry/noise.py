"""Noise: figures with discrete Laplace noise from OpenDP, and how far off they may be.

OpenDP draws the noise and says what it costs; our own part is clipping, thresholds and the budget. Floats live here and
in what OpenDP is told alone: noise is whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tanpuhui.registry.refusals import NoNoise

#: Epsilons are kept as millionths.
MILLION = 1_000_000
#: The part of draws beyond the error bars.
BEYOND = 0.05


def noisy(values: Sequence[int], *, sensitivity: int, epsilon: int) -> list[int]:
    """Whole numbers with noise: one person changes their sum by ``sensitivity`` at most; ``epsilon`` in millionths.

    Refuses where OpenDP is not installed.
    """
    try:
        import opendp.prelude as dp
    except ImportError as error:
        raise NoNoise() from error
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    with_noise = dp.m.make_laplace(*space, scale=scale_of(sensitivity, epsilon))
    cost: float = with_noise.map(sensitivity)  # type: ignore[no-untyped-call]
    assert cost <= epsilon / MILLION * (1 + 1e-9), "OpenDP says that it costs more"
    return [int(value) for value in with_noise(list(values))]


def scale_of(sensitivity: int, epsilon: int) -> float:
    """The scale of the noise: Dwork, McSherry, Nissim and Smith (2006), Proposition 1."""
    return sensitivity * MILLION / epsilon


def error_bar(sensitivity: int, epsilon: int) -> int:
    """How far at most a number is off, in 95 of 100 draws.

    With r = exp(-1/scale) the noise is beyond t with chance 2 r**(t+1) / (1+r).
    """
    rate = math.exp(-1 / scale_of(sensitivity, epsilon))
    return max(0, math.ceil(math.log(BEYOND * (1 + rate) / 2) / math.log(rate)) - 1)


def error_bar_of_sum(count: int, sensitivity: int, epsilon: int) -> int:
    """How far at most a sum of ``count`` independent numbers is off, in 95 of 100 draws.

    A sum of n Laplace variables of scale 1 is the difference of two Erlang times: of two Poisson processes that race to
    n arrivals, the second wins when the first has j < n of them, with chance C(n-1+j, j) / 2**(n+j), and the first then
    takes longer than x for the rest. Rounding to whole numbers moves each by 1 at most: hence the last term.
    """
    low, high = 0.0, 1.0
    while 2 * _beyond(count, high) > BEYOND:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if 2 * _beyond(count, middle) > BEYOND else (low, middle)
    return math.ceil(high * scale_of(sensitivity, epsilon)) + count


def _beyond(count: int, x: float) -> float:
    """The chance that a sum of Laplace variables of scale 1 is above x."""
    total = 0.0
    for ahead in range(count):
        won = math.comb(count - 1 + ahead, ahead) / 2.0 ** (count + ahead)
        total += won * sum(x**i / math.factorial(i) for i in range(count - ahead))
    return total * math.exp(-x)
