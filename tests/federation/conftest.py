"""What tests of federation share: Pudong with three days of roofs, and Shanghai that certifies; fresh for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from federation.acts import DAYS, FIRST_WH, roofs, town_of
from federation.platforms import Pair, Platform, Wire, close_all, copy_database, introduce


@pytest.fixture(scope="session")
def based(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[dict[str, Platform]]:
    """Both platforms as every test finds them: they know each other, and Pudong closed one day."""
    from django.db import connections

    with django_db_blocker.unblock():
        empty = connections["default"].settings_dict["NAME"]
        folder = tmp_path_factory.mktemp("federation")
        made = {}
        for code in ("pudong", "shanghai", "guangdong"):
            home = folder / f"{code}-base"
            (home / "lake").mkdir(parents=True)
            (home / "lake" / "layout.json").write_text('{"buckets": 1}')
            made[code] = Platform(code, f"fed_{code}_base_{worker_id}", home)
            copy_database(empty, made[code].database)
        introduce(made["pudong"], made["shanghai"], one_is="district", other_is="city")
        introduce(made["guangdong"], made["shanghai"], one_is="neighbour", other_is="neighbour")
        with made["pudong"].inside():
            town = town_of(made["pudong"])
            town.settle("abc")
            town.take(*roofs(FIRST_WH, DAYS[0]))
            town.close(DAYS[0])
        yield made
        close_all()


@pytest.fixture()
def pair(based: dict[str, Platform], django_db_blocker: Any, tmp_path: Path) -> Iterator[Pair]:
    """Pudong and Shanghai."""
    with django_db_blocker.unblock():
        yield from _pair(based, "pudong", "shanghai", tmp_path)


@pytest.fixture()
def cities(based: dict[str, Platform], django_db_blocker: Any, tmp_path: Path) -> Iterator[Pair]:
    """Guangdong and Shanghai."""
    with django_db_blocker.unblock():
        yield from _pair(based, "guangdong", "shanghai", tmp_path)


def _pair(based: dict[str, Platform], one: str, other: str, folder: Path) -> Iterator[Pair]:
    fresh = {}
    for code in (one, other):
        home = folder / code
        shutil.copytree(based[code].home, home)
        fresh[code] = Platform(code, based[code].database, home)
        fresh[code].begin()
    yield Pair(fresh[one], fresh[other], Wire(dict(fresh)))
    for platform in fresh.values():
        platform.finish()


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """The name of this process among those that run tests."""
    return str(getattr(request.config, "workerinput", {}).get("workerid", "alone"))
