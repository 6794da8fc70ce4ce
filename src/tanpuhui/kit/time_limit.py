"""Time limit: the database ended something because a limit of time that somebody set for it was over."""

from __future__ import annotations

from collections.abc import Iterator

from tanpuhui.kit.refusal import Refusal

#: PostgreSQL's codes, and the settings that they come from.
SETTINGS = {
    "57014": "statement_timeout",
    "55P03": "lock_timeout",
    "25P03": "idle_in_transaction_session_timeout",
    "25P04": "transaction_timeout",
    "57P05": "idle_session_timeout",
}


class TimeLimit(Refusal):
    code = "kit.time_limit"
    message = (
        "The database ended this by {setting}, or somebody cancelled it: {said}. What was under way was undone. "
        "Repeat it; if that ends the same way, set {setting} to 0 for the platform's roles, and see whether "
        "'tanpuhui doctor' finds a slow disk."
    )


def time_limit_in(error: BaseException) -> TimeLimit | None:
    """The refusal for an error that a limit of time is behind; none for any other."""
    for cause in _causes(error):
        setting = SETTINGS.get(getattr(cause, "sqlstate", None) or "")
        if setting:
            return TimeLimit(setting=setting, said=" ".join(str(cause).split()))
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
