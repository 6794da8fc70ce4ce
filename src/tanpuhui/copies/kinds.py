"""Kinds: what kinds of act are called in the reader's language."""

from __future__ import annotations

from django.utils.translation import pgettext


def kind_name(kind: str) -> str:
    """A kind of act; one that has no name here goes by its code."""
    return {
        "bike_trip": pgettext("kind of act", "Shared bicycle"),
        "bus_trip": pgettext("kind of act", "Bus"),
        "car_pool_trip": pgettext("kind of act", "Car pooling"),
        "e_bike_trip": pgettext("kind of act", "Shared e-bike"),
        "e_invoice": pgettext("kind of act", "Electronic invoice"),
        "ev_charge": pgettext("kind of act", "Charging an electric car"),
        "household_electricity_day": pgettext("kind of act", "Saving electricity, by the day"),
        "household_electricity_month": pgettext("kind of act", "Saving electricity, by the month"),
        "household_programme_share": pgettext("kind of act", "Share of a saving programme"),
        "household_saving_period": pgettext("kind of act", "Saving at home"),
        "led_lamp": pgettext("kind of act", "LED lamp"),
        "low_carbon_trip": pgettext("kind of act", "Low-carbon trip"),
        "metro_trip": pgettext("kind of act", "Metro"),
        "no_cutlery_order": pgettext("kind of act", "Order without cutlery"),
        "rooftop_pv_output": pgettext("kind of act", "Solar power from the roof"),
        "second_hand_sale": pgettext("kind of act", "Second-hand sale"),
        "waste_sorting": pgettext("kind of act", "Waste sorting"),
        "other": pgettext("kind of act", "Other kinds, together"),
        "all": pgettext("kind of act", "All kinds"),
    }.get(kind, kind)
