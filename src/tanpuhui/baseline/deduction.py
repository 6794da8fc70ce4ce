"""Deduction: what is taken off for uncertainty in the form of ART-TREES 2.0, equations 10 and 11."""

from __future__ import annotations

#: The 70th percentile of the normal distribution over the 95th: credited is the one-sided 70 % bound.
T_70, T_95 = 0.524417, 1.645006
#: A 90 % half-width up to this part of the mean is deducted nothing.
FREE_HALF_WIDTH = 0.10


def deduction(half_width_90: float, *, free_up_to: float = FREE_HALF_WIDTH) -> float:
    """The part of a reduction that its 90 % half-width, as a part of the mean, costs.

    >>> round(deduction(0.20), 4), round(deduction(0.50), 4), deduction(0.10)
    (0.0638, 0.1594, 0.0)
    """
    assert half_width_90 >= 0
    return T_70 * half_width_90 / T_95 if half_width_90 > free_up_to else 0.0
