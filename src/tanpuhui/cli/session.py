"""``tanpuhui session``: end sessions, one user's or everybody's, and forget those that are over."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

app = App(name="session", help="End sessions, one user's or everybody's.")

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]


class WhoseSessions(Refusal):
    code = "session.whose"
    message = "Say whose sessions end: give --user with a user's number, or --everybody, and not both."


class NoSuchUser(Refusal):
    code = "session.unknown_user"
    message = "There is no user {user}. The console lists users with their numbers."


@app.command
def end(*, user: UUID | None = None, everybody: bool = False, reason: str, as_json: JsonFlag = False) -> int:
    """End sessions at once: a user's, or everybody's. Who wants to go on signs in again.

    Example: tanpuhui session end --everybody --reason "The secret key was changed."

    Parameters
    ----------
    user
        The number of the user.
    everybody
        All users, and those who are in the middle of signing in.
    reason
        Why; it is kept in the audit trail.
    as_json
        Print {"ended": N}.
    """
    from django.db import transaction

    from tanpuhui.access import session
    from tanpuhui.access.audit import record
    from tanpuhui.access.models import User

    if (user is None) != everybody:
        raise WhoseSessions
    whose = User.objects.filter(pk=user).first() if user else None
    if user and whose is None:
        raise NoSuchUser(user=user)
    with transaction.atomic():
        ended = session.end_others(whose, None) if whose else session.end_everybodys()
        record(
            "end_sessions",
            who=None,
            at=utc_now(),
            object_kind="user",
            object_key=user or "everybody",
            reason=reason,
            facts={"sessions_ended": ended},
        )
    if as_json:
        print_json({"ended": ended})
    else:
        console.print(f"{ended} sessions ended.")
    return 0


@app.command
def forget(*, as_json: JsonFlag = False) -> int:
    """Remove sessions that are over from the database; run it every day.

    Example: tanpuhui session forget

    Parameters
    ----------
    as_json
        Print {"removed": N}.
    """
    from django.db import transaction

    from tanpuhui.access import session

    with transaction.atomic():
        removed = session.forget_old(at=utc_now())
    if as_json:
        print_json({"removed": removed})
    else:
        console.print(f"{removed} sessions removed.")
    return 0
