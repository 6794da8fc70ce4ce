"""State: the states of a request, and which may follow which. The same table is a trigger in the database."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """States of a request about one's own record."""

    RECEIVED = "received"
    IN_HAND = "in_hand"
    DONE = "done"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"


_ANSWERS = frozenset({State.DONE, State.REFUSED, State.TAKEN_BACK})

#: What may follow; ``None`` stands for a request without any step.
FOLLOWS: dict[State | None, frozenset[State]] = {
    None: frozenset({State.RECEIVED}),
    State.RECEIVED: _ANSWERS | {State.IN_HAND},
    State.IN_HAND: _ANSWERS,
    **dict.fromkeys(_ANSWERS, frozenset[State]()),
}

#: States that a request cannot leave.
FINAL = _ANSWERS


def may_follow(before: State | None, after: State) -> bool:
    """Whether a request may go from one state to another.

    >>> may_follow(State.RECEIVED, State.DONE), may_follow(State.DONE, State.IN_HAND)
    (True, False)
    """
    return after in FOLLOWS[before]


def transitions_sql(before: str, after: str) -> str:
    """The same table as an SQL condition over two text expressions; ``before`` may be NULL."""
    pairs = [
        f"({before} {_is(state)} AND {after} = '{next_.value}')"
        for state, follows in FOLLOWS.items()
        for next_ in sorted(follows)
    ]
    return f"coalesce({' OR '.join(pairs)}, FALSE)"


def _is(state: State | None) -> str:
    return "IS NULL" if state is None else f"= '{state.value}'"
