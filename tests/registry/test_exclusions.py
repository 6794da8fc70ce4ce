"""The exclusion register: what another market covers, by scope, project, place, organisation or meter, is no lot."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from close.town import Town
from registry.test_certify import AT, FIRST, SECOND, lot_of, refused, roof
from tanpuhui.evidence.models import Subject
from tanpuhui.kit.refusal import Refusal
from tanpuhui.registry.exclusions import covering, import_exclusions, meter_key, register
from tanpuhui.registry.left_out import as_json, left_out_of
from tanpuhui.registry.models import Exclusion
from tanpuhui.registry.refusals import BadExclusions, Excluded

HEAD = "kind,key,market,from,to,clause,source\n"
ETS = "green_certificate,2026-01-01,,art. 3,notice 7\n"


def taken(folder: Path, *lines: str, name: str = "register.csv") -> int:
    file = folder / name
    file.write_text(HEAD + "".join(lines), encoding="utf-8")
    with transaction.atomic():
        return import_exclusions(file, at=AT).added


@pytest.fixture()
def people(town: Town) -> dict[str, int]:
    """Two roofs on two days: 3 and 2 MWh, then 1: 1.26 + 0.84 and 0.42 t."""
    accounts = town.settle("ab")
    town.take(
        roof("1", "a", 3_000_000, FIRST), roof("2", "b", 2_000_000, FIRST), roof("3", "a", 1_000_000, SECOND)
    )
    for day in (FIRST, SECOND):
        town.close(day)
    return accounts


@pytest.mark.parametrize(
    "key", ["scope,energy", "scope,energy.rooftop_pv", "project,demo:shanghai/rooftop-pv", "place,demo"]
)
def test_what_another_market_covers_is_not_certified(
    town: Town, people: dict[str, int], tmp_path: Path, key: str
) -> None:
    assert taken(tmp_path, f"{key},{ETS}") == 1

    refusal = refused(town)

    assert isinstance(refusal, Excluded)
    assert (refusal.facts["clause"], refusal.facts["source"]) == ("art. 3", "notice 7")


@pytest.mark.parametrize(
    "line",
    [
        "scope,energy.roof," + ETS,
        "scope,transport," + ETS,
        "place,shanghai," + ETS,
        "scope,energy,ets,2026-03-04,,art. 3,later\n",
        "scope,energy,ets,2025-01-01,2025-12-31,art. 3,earlier\n",
        "organisation,nobody," + ETS,
    ],
)
def test_what_it_does_not_cover_is_certified(
    town: Town, people: dict[str, int], tmp_path: Path, line: str
) -> None:
    taken(tmp_path, line)

    assert lot_of(town).tonnes == 2


def test_an_organisation_that_reported_on_a_day_of_the_lot_shuts_it(
    town: Town, people: dict[str, int], tmp_path: Path
) -> None:
    provider = Subject.objects.first().provider  # type: ignore[union-attr]
    taken(tmp_path, f"organisation,{provider},ets,2026-03-03,,art. 3,notice 8\n")

    assert isinstance(refused(town), Excluded)
    assert lot_of(town, through=FIRST).tonnes == 2


def test_a_meter_is_kept_as_a_digest_and_its_account_is_left_out_of_the_lot(
    town: Town, people: dict[str, int], tmp_path: Path
) -> None:
    subject = Subject.objects.get(link__account_id=people["b"])
    taken(tmp_path, f"meter,{subject.provider}:b,{ETS}")

    [row] = register()
    assert row.key == bytes(subject.digest).hex() == meter_key(subject.provider, "b")
    # Without b's 0.84 t there are 1.68 t of a: one tonne, all of it a's.
    lot = lot_of(town)
    assert (lot.tonnes, lot.residents) == (1, 1)
    # And the lot says so: how many, how much of theirs, and by which entry; not who.
    assert [as_json(one) for one in left_out_of(lot)] == [
        {
            "accounts": 1,
            "amount_mg": 840_000_000,
            "market": "green_certificate",
            "clause": "art. 3",
            "source": "notice 7",
        }
    ]


def test_a_lot_that_took_everybodys_left_nobody_out(
    town: Town, people: dict[str, int], tmp_path: Path
) -> None:
    taken(tmp_path, "scope,transport," + ETS)

    assert left_out_of(lot_of(town)) == []


def test_a_later_line_about_the_same_thing_counts_and_ends_it(
    town: Town, people: dict[str, int], tmp_path: Path
) -> None:
    assert taken(tmp_path, f"scope,energy,{ETS}") == 1
    assert taken(tmp_path, f"scope,energy,{ETS}") == 0
    assert isinstance(refused(town), Excluded)

    ended = "scope,energy,green_certificate,2026-01-01,2026-01-31,art. 3,notice 9\n"
    assert taken(tmp_path, ended, name="newer.csv") == 1

    assert Exclusion.objects.count() == 2
    assert [one.last_day for one in register()] == [date(2026, 1, 31)]
    assert covering("scope", ["energy"], date(2026, 1, 31), date(2026, 2, 1)) == register()
    assert covering("scope", ["energy"], date(2026, 2, 1), date(2026, 2, 1)) == []
    assert lot_of(town).tonnes == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("person,x," + ETS, "kind"),
        ("scope,x,other,2026-01-01,,c,s\n", "market"),
        ("scope,,ets,2026-01-01,,c,s\n", "key"),
        ("scope,x,ets,,,c,s\n", "from"),
        ("scope,x,ets,2026-02-30,,c,s\n", "from"),
        ("scope,x,ets,2026-01-02,2026-01-01,c,s\n", "before"),
        ("scope,x,ets,2026-01-01,,,s\n", "clause"),
        ("meter,7," + ETS, "meter"),
        ("meter,nobody:7," + ETS, "meter"),
    ],
)
def test_a_line_that_does_not_fit_is_named_and_nothing_is_imported(
    db: None, fresh_home: Path, tmp_path: Path, line: str, said: str
) -> None:
    with pytest.raises(BadExclusions, match=said) as caught:
        taken(tmp_path, f"scope,fine,{ETS}", line)

    assert caught.value.facts["line"] == 3
    assert not Exclusion.objects.exists()


def test_a_file_that_is_none_is_refused(db: None, fresh_home: Path, tmp_path: Path) -> None:
    for content in (b"", b"kind,key\n", b"\xff\xfe\n"):
        file = tmp_path / "x.csv"
        file.write_bytes(content)
        with pytest.raises(Refusal):
            import_exclusions(file, at=AT)


def test_the_register_is_never_edited(db: None, fresh_home: Path, tmp_path: Path) -> None:
    taken(tmp_path, f"scope,energy,{ETS}")

    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Exclusion.objects.update(clause="x")
