"""A saving programme is in the log from its draw to its settled periods, and an audit names what was changed of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction

from notary.logged import found, integrate
from notary.town import AT, by_force
from programme.village import CODE, USED_WH, Village
from tanpuhui.methodology.load import Library
from tanpuhui.notary.audit import audit_table
from tanpuhui.notary.documents import receipt_of
from tanpuhui.notary.enter import waiting
from tanpuhui.notary.installation import log
from tanpuhui.programme.models import Period, Programme
from tanpuhui.programme.unseal import unseal
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.transparency.models import Leaf

pytestmark = pytest.mark.django_db


@pytest.fixture()
def village(db: None, fresh_home: Path, library: Library) -> Village:
    """A programme that was drawn, settled for three months and opened, all of it in the log."""
    village = Village(fresh_home, library, load_jurisdiction("demo"))
    with transaction.atomic():
        village.open()
    village.join(10)
    village.settle(village.readings(dict.fromkeys(village.asked, USED_WH - 300_000)))
    with transaction.atomic():
        unseal(CODE, at=AT)
    integrate()
    return village


@pytest.fixture(autouse=True)
def what_was_broken_is_not_checked(db: None) -> Iterator[None]:
    yield
    transaction.set_rollback(True)


def test_the_draw_its_window_the_period_and_the_opening_have_a_leaf_each(village: Village) -> None:
    kinds = ("programme", "programme_window", "programme_period", "programme_opening")
    assert [Leaf.objects.filter(kind=kind).count() for kind in kinds] == [1, 1, 1, 1]
    assert waiting() == {}

    period = Period.objects.get()
    said = receipt_of(log(), "programme_period", str(period.pk))["record"]
    drawn = receipt_of(log(), "programme", CODE)["record"]

    assert (said["certifiable_mg"], said["bound_wh"]) == (period.certifiable_mg, period.bound_wh)
    assert (said["first_day"], said["last_day"]) == ("2025-03-01", "2025-05-31")
    assert drawn["commitment"] == Programme.objects.get().commitment
    assert found(village) == []


EDITS = [
    ("programme_programme", "UPDATE programme_programme SET commitment = 'sha256:0'", "commitment"),
    ("programme_programme", r"UPDATE programme_programme SET sealed = sealed || '\x00'", "sealed"),
    ("programme_programme", "UPDATE programme_programme SET held_out = held_out - 1", "held_out"),
    ("programme_programme", "UPDATE programme_programme SET title_en = 'x'", "title_en"),
    ("programme_window", "UPDATE programme_window SET rung = 'L3'", "rung"),
    ("programme_window", "UPDATE programme_window SET baseline_from = baseline_from - 31", "baseline_from"),
    ("programme_window", "UPDATE programme_window SET baseline = 'sha256:0'", "baseline"),
    ("programme_period", "UPDATE programme_period SET comparison = ''", "comparison"),
    ("programme_window", "UPDATE programme_window SET baseline = 'sha256:0', limit_wh = 1", "limit_wh"),
    ("programme_opening", 'UPDATE programme_opening SET content = content || \'{"seed": "0"}\'', "content"),
    ("programme_opening", "DELETE FROM programme_opening", "it is gone"),
    ("programme_period", "UPDATE programme_period SET bound_wh = bound_wh + 1", "bound_wh"),
    (
        "programme_period",
        "UPDATE programme_period SET certifiable_mg = certifiable_mg + 420, shared_mg = shared_mg + 420",
        "shared_mg",
    ),
    ("programme_period", "UPDATE programme_period SET batch = 0", "batch"),
    ("programme_period", "UPDATE programme_period SET above_limit = 1", "above_limit"),
    ("programme_period", "UPDATE programme_period SET temperature = 'sha256:0'", "temperature"),
    ("programme_period", "DELETE FROM programme_period", "it is gone"),
]


def test_a_row_of_a_programme_that_was_edited_or_deleted_is_named(village: Village) -> None:
    for table, statement, what in EDITS:
        point = transaction.savepoint()
        assert by_force(statement) == 1

        with transaction.atomic():
            named = audit_table(table, log(), village.places).findings

        transaction.savepoint_rollback(point)
        assert any(what in finding.found for finding in named), (statement, named)
