"""Names of kinds of act and of what a recipient sees: for people."""

from __future__ import annotations

from django.utils.translation import pgettext


def act_name(kind: str) -> str:
    """What a kind of act is called; one without a name goes by its code."""
    return {
        "bike_trip": pgettext("act", "Trips by shared bicycle"),
        "bus_trip": pgettext("act", "Bus trips"),
        "car_pool_trip": pgettext("act", "Shared car trips"),
        "e_bike_trip": pgettext("act", "Trips by shared electric bicycle"),
        "e_invoice": pgettext("act", "Electronic invoices"),
        "ev_charge": pgettext("act", "Charging an electric car"),
        "household_electricity_day": pgettext("act", "Electricity at home, by the day"),
        "household_electricity_month": pgettext("act", "Electricity at home, by the month"),
        "household_programme_share": pgettext("act", "A home's share of a saving programme"),
        "household_saving_period": pgettext("act", "Electricity saved at home in called hours"),
        "led_lamp": pgettext("act", "LED lamps"),
        "low_carbon_trip": pgettext("act", "Low-carbon trips"),
        "metro_trip": pgettext("act", "Metro trips"),
        "no_cutlery_order": pgettext("act", "Orders without cutlery"),
        "rooftop_pv_output": pgettext("act", "Power from one's own roof"),
        "second_hand_sale": pgettext("act", "Second-hand sales"),
        "waste_sorting": pgettext("act", "Sorted waste"),
        "nickname": pgettext("act", "Nickname"),
        "reductions": pgettext("act", "What you avoided"),
        "account_balance": pgettext("act", "Balance of the account"),
        "account_tier": pgettext("act", "Tier of the account"),
        "certified_reductions": pgettext("act", "Certified reductions"),
    }.get(kind, kind)
