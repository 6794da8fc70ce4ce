"""State: the states of a grant, and which may follow which. The same table is a trigger in the database."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """States of a grant's stream, named after ISO/IEC TS 27560 and DPV; ``Paused`` and ``Resumed`` after ReBIT."""

    REQUESTED = "Requested"
    REFUSED = "Refused"
    GIVEN = "ConsentGiven"
    PAUSED = "Paused"
    RESUMED = "Resumed"
    WITHDRAWN = "Withdrawn"
    EXPIRED = "Expired"
    SUPERSEDED = "Superseded"
    TERMINATED = "Terminated"


#: States in which a grant may be used (27560: valid for processing).
VALID = frozenset({State.GIVEN, State.RESUMED})

#: States that a grant cannot leave.
FINAL = frozenset({State.REFUSED, State.WITHDRAWN, State.EXPIRED, State.SUPERSEDED, State.TERMINATED})

#: States that take the right to process away: what a close looks for before it posts.
ENDING = frozenset({State.PAUSED, State.WITHDRAWN, State.EXPIRED, State.SUPERSEDED, State.TERMINATED})

_ENDS = frozenset({State.WITHDRAWN, State.EXPIRED, State.SUPERSEDED, State.TERMINATED})

#: What may follow; ``None`` stands for a grant without any event.
FOLLOWS: dict[State | None, frozenset[State]] = {
    None: frozenset({State.REQUESTED, State.REFUSED, State.GIVEN}),
    State.REQUESTED: frozenset({State.GIVEN, State.REFUSED}),
    State.GIVEN: _ENDS | {State.PAUSED},
    State.PAUSED: _ENDS | {State.RESUMED},
    State.RESUMED: _ENDS | {State.PAUSED},
    **dict.fromkeys(FINAL, frozenset[State]()),
}


def may_follow(before: State | None, after: State) -> bool:
    """Whether a grant may go from one state to another.

    >>> may_follow(State.PAUSED, State.RESUMED), may_follow(State.WITHDRAWN, State.RESUMED)
    (True, False)
    """
    return after in FOLLOWS[before]


def transitions_sql(before: str, after: str) -> str:
    """The same table as an SQL condition over two text expressions; ``before`` may be NULL."""
    branches = [
        f"WHEN {_literal(state)} THEN {after} IN ({', '.join(_literal(next_) for next_ in sorted(follows))})"
        for state, follows in FOLLOWS.items()
        if state is not None and follows
    ]
    first = ", ".join(_literal(state) for state in sorted(FOLLOWS[None]))
    return (
        f"CASE WHEN {before} IS NULL THEN {after} IN ({first}) "
        f"ELSE CASE {before} {' '.join(branches)} ELSE FALSE END END"
    )


def _literal(state: State) -> str:
    return f"'{state.value}'"
