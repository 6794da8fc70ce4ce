"""Look-up: any serial number leads to its lot, and a lot's milligrams are somewhere."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from close.town import Town, act
from tanpuhui.kit.refusal import Refusal
from tanpuhui.registry.certify import Order, certify
from tanpuhui.registry.lookup import find, whereabouts
from tanpuhui.registry.models import Lot
from tanpuhui.registry.serial import serials

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 12, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture()
def lots(town: Town) -> list[Lot]:
    """A lot of 4 t (10 MWh at 0.42 t, the rest pending), then one of 2 t: 5 MWh and what was left."""
    town.settle("a")
    found = []
    for number, energy_wh in (("1", 10_000_000), ("2", 5_000_000)):
        day = DAY.replace(day=1 + int(number))
        town.take(act("rooftop_pv_output", number, "a", day=day, energy_wh=energy_wh))
        town.close(day)
        with transaction.atomic():
            order = Order("shanghai/rooftop-pv", 1, 2026, day, "operator", "Green Audit Ltd", AT)
            found.append(
                certify(order, places=town.places, jurisdiction=town.jurisdiction, library=town.library)
            )
    return found


def test_every_number_of_a_lot_leads_to_it_and_the_next_one_to_the_next(lots: list[Lot]) -> None:
    assert [(lot.serial_first, lot.serial_last) for lot in lots] == [(1, 4), (5, 6)]

    assert [find(str(number)).lot for number in range(1, 7)] == [lots[0]] * 4 + [lots[1]] * 2
    assert find("5").serial == 5


@pytest.mark.parametrize("given", ["DEMO-000001", " demo-000001 ", "0003", "3"])
def test_a_code_or_a_number_may_be_written_as_people_do(lots: list[Lot], given: str) -> None:
    assert find(given).lot == lots[0]


def test_a_serial_may_be_given_as_it_is_printed(lots: list[Lot]) -> None:
    assert find(serials(lots[1])).lot == lots[1]
    assert find("DEMO-SHANGHAI.ROOFTOP-PV.1-2026-000000006").lot == lots[1]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("0", "registry.serial_unknown"),
        ("7", "registry.serial_unknown"),
        ("SH-SHCER-SHANGHAI.ROOFTOP-PV.1-2026-000000006", "registry.serial_unknown"),
        ("DEMO-SHANGHAI.ROOFTOP-PV.1-2025-000000006", "registry.serial_unknown"),
        ("999999999999999999", "registry.serial_unknown"),
        ("9" * 40, "registry.bad_serial"),
        ("DEMO-000009", "registry.lot_unknown"),
        ("", "registry.bad_serial"),
        ("x' OR 1=1", "registry.bad_serial"),
        ("-1", "registry.bad_serial"),
        ("٣", "registry.bad_serial"),
    ],
)
def test_what_names_no_lot_is_refused_with_what_to_do(lots: list[Lot], given: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        find(given)

    assert caught.value.code == code


def test_a_new_lot_is_with_its_residents_to_the_milligram(lots: list[Lot]) -> None:
    held = whereabouts(lots[0])

    assert held.residents_mg == held.total_mg == 4_000_000_000
    assert held.retired_mg == held.companies_mg == held.cancelled_mg == 0
