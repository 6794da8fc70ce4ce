"""Rendering: migrations on an empty database without making the same model classes again and again.

Django makes a model's class anew, and those of all models related to it, after each change of its state: a
constraint, an index or a trigger, of which there are hundreds, changes nothing but an option of the class. Inside
:func:`rendered_once` such a change is set on the class that there is, and a model that is new is made alone, since
nothing refers to it yet. The database that comes out is the same, by its dump.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations.state import ModelState, ProjectState
from pgtrigger.migrations import AddTrigger


def _append_option(state: Any, app_label: str, model_name: str, option: str, value: Any) -> None:
    options = state.models[app_label, model_name].options
    options[option] = [*options.get(option, []), value]
    if "apps" in vars(state):
        setattr(state.apps.get_model(app_label, model_name)._meta, option, options[option])


def _add_trigger(operation: AddTrigger, app_label: str, state: Any) -> None:
    _append_option(state, app_label, operation.model_name, "triggers", operation.trigger)


def _add_model(state: Any, model_state: ModelState) -> None:
    key = model_state.app_label, model_state.name_lower
    state.models[key] = model_state
    if state._relations is not None:
        state.resolve_model_relations(key)
    if "apps" in vars(state):
        state.apps.render_multiple([model_state])


_OURS = (
    (ProjectState, "_append_option", _append_option),
    (ProjectState, "add_model", _add_model),
    (AddTrigger, "state_forwards", _add_trigger),
)


@contextmanager
def rendered_once() -> Iterator[None]:
    """A block in which migrations render each model about once; afterwards Django's own way is back."""
    usual = [(owner, method, vars(owner)[method]) for owner, method, _ in _OURS]
    for owner, method, ours in _OURS:
        setattr(owner, method, ours)
    try:
        yield
    finally:
        for owner, method, theirs in usual:
            setattr(owner, method, theirs)
