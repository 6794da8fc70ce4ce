"""Programmes on pages: the operator sees design and bound, and a resident what the share comes from."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from access.people import AT
from console.conftest import ENGLISH, Staff
from programme.village import CODE, HOMES, LAST_DAY, SETTLED_AT, USED_WH, Village
from tanpuhui.access.hold import hold
from tanpuhui.access.models import User
from tanpuhui.close.acts import acts_of
from tanpuhui.kit.files import write_bytes
from tanpuhui.methodology.load import Library
from tanpuhui.programme.find import get_programme
from tanpuhui.programme.models import Window
from tanpuhui.programme.month import months_between
from tanpuhui.programme.unseal import unseal
from tanpuhui.programme.window import declare
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from web.site import client_of


@pytest.fixture()
def village(db: None, fresh_home: Path, library: Library) -> Village:
    """28 homes saved 50.4 MWh in all; ten joined, and their shares are credited."""
    village = Village(fresh_home, library, load_jurisdiction("demo"))
    write_bytes(village.places.lake / "layout.json", json.dumps({"buckets": 2}).encode())
    village.open()
    village.join(10)
    village.settle(village.readings(dict.fromkeys(village.asked, 2_400_000)))
    village.close()
    return village


def test_the_operator_sees_the_hold_out_the_windows_and_the_bound(staff: Staff, village: Village) -> None:
    address = f"/console/programmes/{CODE}/"
    listed = staff.auditor.get("/console/programmes/", **ENGLISH).content.decode()
    sealed = staff.auditor.get(address, **ENGLISH).content.decode()
    unseal(CODE, at=SETTLED_AT)

    opened = staff.auditor.get(address, **ENGLISH).content.decode()
    chinese = staff.auditor.get(address, HTTP_ACCEPT_LANGUAGE="zh-CN").content.decode()

    assert CODE in listed
    assert "sealed" in sealed and "5e5e" not in sealed
    assert "50,400.000 kWh" in opened and "random hold-out" in opened and "5e5e" in opened
    assert "村里节电" in chinese and "留出户数" in chinese


def test_the_operator_sees_what_a_window_declares(staff: Staff, village: Village) -> None:
    year = list(months_between(date(2024, 2, 1), date(2025, 1, 1)))
    window = Window(
        programme=get_programme(CODE),
        rung="L4",
        comparison="matched",
        limit_percent=300,
        limit_wh=4_000_000,
        baseline_from=year[0],
        starts_on=date(2026, 3, 1),
    )
    path = village.write((home, month, USED_WH) for home in HOMES for month in year)
    declare(window, at=SETTLED_AT, baseline=path, places=village.places)
    address = f"/console/programmes/{CODE}/"

    page = staff.auditor.get(address, **ENGLISH).content.decode()
    chinese = staff.auditor.get(address, HTTP_ACCEPT_LANGUAGE="zh-CN").content.decode()
    listed = staff.auditor.get("/console/programmes/", **ENGLISH).content.decode()

    assert "the five nearest homes held out" in listed and "300 % of its own baseline" in listed
    assert get_programme(CODE).declared == "2025-03 L5 all; 2026-03 L4 matched 300 % 4000000 Wh"
    assert "L4: weather-normalised" in page and "the five nearest homes held out" in page
    assert "300 % of its own baseline" in page and "4,000.000 kWh a month" in page
    assert window.baseline in page and "no limit declared" in page
    assert "天气归一化" in chinese and "自身基准的 300%" in chinese


def test_a_resident_sees_what_the_share_comes_from(village: Village) -> None:
    """7.56 t of ten homes are 756 kg each; the whole is 50.4 MWh x 0.42 t/MWh = 21.168 t."""
    account = min(village.accounts.values())
    user = User.objects.create_user("ming@example.org")
    hold(user, account, at=AT)
    (share,) = acts_of(account, [LAST_DAY], village.places)

    page = client_of(user).get(f"/resident/acts/{share.record_id}/", **ENGLISH).content.decode()

    assert "one-sided 95 % lower bound" in page
    assert "Homes of the random hold-out" in page
    assert "756" in page and "21168000" in page
