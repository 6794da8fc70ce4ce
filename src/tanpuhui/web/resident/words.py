"""Words: what kinds of act, outcomes and providers are called on these pages."""

from __future__ import annotations

from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from tanpuhui.quantify.outcome import MEANING, PASSED, Outcome


def kind_name(kind: str) -> str:
    """A kind of act in the reader's language; one that is not known here is shown as it is."""
    return kinds().get(kind, kind.replace("_", " "))


def kinds() -> dict[str, str]:
    """Every kind of act that has a name."""
    return {
        "metro_trip": pgettext("kind of act", "Metro trip"),
        "bus_trip": pgettext("kind of act", "Bus trip"),
        "bike_trip": pgettext("kind of act", "Bicycle trip"),
        "e_bike_trip": pgettext("kind of act", "E-bike trip"),
        "car_pool_trip": pgettext("kind of act", "Shared car trip"),
        "low_carbon_trip": pgettext("kind of act", "Low-carbon trip"),
        "ev_charge": pgettext("kind of act", "Electric car charged"),
        "household_electricity_day": pgettext("kind of act", "Household electricity, a day"),
        "household_electricity_month": pgettext("kind of act", "Household electricity, a month"),
        "household_programme_share": pgettext("kind of act", "Share of a saving programme"),
        "household_saving_period": pgettext("kind of act", "Household savings"),
        "rooftop_pv_output": pgettext("kind of act", "Rooftop solar power"),
        "waste_sorting": pgettext("kind of act", "Waste sorted"),
        "second_hand_sale": pgettext("kind of act", "Second-hand goods"),
        "e_invoice": pgettext("kind of act", "Electronic invoice"),
        "no_cutlery_order": pgettext("kind of act", "Order without cutlery"),
        "led_lamp": pgettext("kind of act", "LED lamp"),
    }


def outcome_name(outcome: Outcome) -> str:
    """How an act ended, in two or three words."""
    return outcomes()[outcome] if outcome in outcomes() else meaning(outcome)


def outcomes() -> dict[Outcome, str]:
    """The ends of acts that a person sees, each in two or three words."""
    names = {
        Outcome.credited: pgettext("outcome", "Counted"),
        Outcome.capped: pgettext("outcome", "Counted up to the limit"),
        Outcome.nothing_avoided: pgettext("outcome", "Nothing avoided"),
        Outcome.excluded: pgettext("outcome", "Excluded by a clause"),
        Outcome.no_methodology: pgettext("outcome", "No methodology yet"),
        Outcome.invalid: pgettext("outcome", "Details missing"),
        Outcome.duplicate_of: pgettext("outcome", "Reported twice"),
        Outcome.overlapping: pgettext("outcome", "Overlaps another act"),
        Outcome.below_baseline: pgettext("outcome", "Above the baseline"),
        Outcome.held: pgettext("outcome", "Held for review"),
        Outcome.not_weighed: pgettext("outcome", "Not weighed yet"),
        Outcome.not_fetched: pgettext("outcome", "Nothing was fetched"),
    }
    assert set(names) == set(PASSED), "every end that names a person"
    return names


def meaning(outcome: Outcome) -> str:
    """How an act ended, in the sentence that the close has for it."""
    chinese, english = MEANING[outcome]
    return chinese if is_chinese() else english


def is_chinese() -> bool:
    return (get_language() or "zh").startswith("zh")


def kind_of_methodology(kind: str | None) -> str:
    """What a chart calls a methodology: the kind of act that it quantifies."""
    return kind_name(kind) if kind else _("Other acts")
