"""Time limit: an error that a limit of time is behind is known, however far behind; no other one is."""

from __future__ import annotations

import pytest
from psycopg import errors

from tanpuhui.kit.time_limit import SETTINGS, time_limit_in


@pytest.mark.parametrize(("code", "setting"), sorted(SETTINGS.items()))
def test_each_limit_is_named_with_what_the_database_said(code: str, setting: str) -> None:
    refusal = time_limit_in(errors.lookup(code)("it was over"))

    assert refusal is not None
    assert refusal.facts == {"setting": setting, "said": "it was over"}
    assert f"set {setting} to 0" in str(refusal)


def after(error: Exception, *, cause: Exception | None = None, context: Exception | None = None) -> Exception:
    """An error as it is after ``raise ... from``, or raised while another one is handled."""
    error.__context__ = context
    if cause is not None:
        error.__cause__ = cause
    return error


def test_it_is_found_behind_what_came_of_it() -> None:
    over = errors.LockNotAvailable("over")
    caused = time_limit_in(after(RuntimeError("rolled back"), cause=over))
    meanwhile = time_limit_in(after(RuntimeError("rolled back"), context=over))

    assert [found and found.facts["setting"] for found in (caused, meanwhile)] == ["lock_timeout"] * 2


def test_another_error_stays_what_it_is() -> None:
    from_none = after(ValueError("of another kind"), context=errors.LockNotAvailable("over"))
    from_none.__suppress_context__ = True
    others = [ValueError("no"), errors.DiskFull("full"), errors.DeadlockDetected("both"), from_none]

    assert [time_limit_in(error) for error in others] == [None] * 4
