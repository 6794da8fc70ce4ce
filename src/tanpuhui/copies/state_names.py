"""Names of the states of a grant, for people."""

from __future__ import annotations

from django.utils.translation import pgettext

from tanpuhui.consent.state import State


def state_name(state: State) -> str:
    """What a state is called in the language that is active."""
    return {
        State.REQUESTED: pgettext("state of a grant", "waits for your answer"),
        State.REFUSED: pgettext("state of a grant", "declined"),
        State.GIVEN: pgettext("state of a grant", "in force"),
        State.PAUSED: pgettext("state of a grant", "paused"),
        State.RESUMED: pgettext("state of a grant", "in force"),
        State.WITHDRAWN: pgettext("state of a grant", "withdrawn"),
        State.EXPIRED: pgettext("state of a grant", "expired"),
        State.SUPERSEDED: pgettext("state of a grant", "replaced by a newer one"),
        State.TERMINATED: pgettext("state of a grant", "ended with the account"),
    }[state]
