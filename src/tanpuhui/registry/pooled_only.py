"""Pooled only: household electricity is certified from a programme's bound in all, and never household by household."""

from __future__ import annotations

from datetime import date

from tanpuhui.methodology.methodology import Methodology
from tanpuhui.programme import bound
from tanpuhui.programme.open import KIND
from tanpuhui.registry.refusals import BeyondTheBound, HouseholdAlone

#: What homes save by how they live: no meter of one home tells it from the weather and from chance.
BEHAVIOURAL = "household.electricity"


def is_household_alone(methodology: Methodology) -> bool:
    """Whether it estimates what a single household saved: never certified, and so for points as it is pending."""
    behavioural = methodology.scope == BEHAVIOURAL or methodology.scope.startswith(f"{BEHAVIOURAL}.")
    return behavioural and methodology.kind != KIND


def refuse_household_alone(methodology: Methodology) -> None:
    """Estimates of single households are for points."""
    if is_household_alone(methodology):
        raise HouseholdAlone(methodology=f"{methodology.code}@{methodology.version}")


def refuse_beyond_bound(methodology: Methodology, credited_mg: int, *, vintage: int, through: date) -> None:
    """What is credited under a pooled methodology was shared out by settled periods whose hold-outs are open."""
    if methodology.kind != KIND:
        return
    bound.refuse_sealed(methodology.code, through)
    shared_mg = bound.shared_mg(methodology.code, first=date(vintage, 1, 1), through=through)
    if credited_mg > shared_mg:
        raise BeyondTheBound(
            methodology=f"{methodology.code}@{methodology.version}",
            credited_mg=credited_mg,
            shared_mg=shared_mg,
            through=through,
        )
