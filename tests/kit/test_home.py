"""The home folder: its keys are secret, made once, and never loosened."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tanpuhui.kit import home


def test_a_secret_key_is_made_once_and_only_its_owner_may_read_it(fresh_home: Path) -> None:
    first = home.secret_key("pseudonyms")

    assert home.secret_key("pseudonyms") == first
    assert len(first) == 32
    assert (fresh_home / "keys").stat().st_mode & 0o777 == 0o700
    assert (fresh_home / "keys" / "pseudonyms").stat().st_mode & 0o777 == 0o600


def test_a_secret_key_that_many_need_at_once_is_whole_and_one(fresh_home: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: home.secret_key("pseudonyms"), range(200)))

    assert [len(key) for key in found] == [32]
    assert [path.name for path in (fresh_home / "keys").iterdir()] == ["pseudonyms"]


def test_a_new_home_lets_others_pass_and_not_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANPUHUI_HOME", str(tmp_path / "new"))

    assert home.home().stat().st_mode & 0o777 == 0o711
