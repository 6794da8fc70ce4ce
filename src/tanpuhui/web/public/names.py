"""Names: what kinds of act, sectors and months are called in the reader's language."""

from __future__ import annotations

from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _
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


def sector_name(sector: str) -> str:
    """What kind of provider reports: the first word of a methodology's scope."""
    return {
        "transport": pgettext("sector", "Transport"),
        "energy": pgettext("sector", "Energy"),
        "waste": pgettext("sector", "Waste"),
        "consumption": pgettext("sector", "Consumption"),
        "goods": pgettext("sector", "Goods"),
        "buildings": pgettext("sector", "Buildings"),
        "household": pgettext("sector", "Households"),
        "other": pgettext("sector", "Other kinds, together"),
    }.get(sector, sector)


def month_name(month: str) -> str:
    """``2026-03`` as a month, ``2026-02..2026-03`` as a range of months."""
    first, _dots, last = month.partition("..")
    if not last:
        return date_format(date.fromisoformat(f"{first}-01"), "YEAR_MONTH_FORMAT")
    return _("%(first)s to %(last)s") % {"first": month_name(first), "last": month_name(last)}
