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
