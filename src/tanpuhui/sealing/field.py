"""Field: a column whose words are sealed on the way to the database, and opened where somebody reads them.

The type in the database stays what it was. Queries see what is stored: words are read from a row, never searched.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.db import models
from django.db.models.query_utils import DeferredAttribute

from tanpuhui.sealing.refusals import KeyDestroyed
from tanpuhui.sealing.seal import GONE, PREFIX, Seat, seal, unseal

#: Under which name a sealed value stands in a JSON column.
SEALED = "sealed"
#: Whose words a row has; ``None`` of a row that is about nobody.
Whose = Callable[[Any], "int | None"]


class _Opened(DeferredAttribute):
    field: Any

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if instance is None or not self.field.is_sealed(value):
            return value
        opened = self.field.opened(instance, value)
        instance.__dict__[self.field.attname] = opened
        return opened

    def __set__(self, instance: Any, value: Any) -> None:
        """Being able to set it, it is asked for every time it is read."""
        instance.__dict__[self.field.attname] = value


class _Sealed:
    """What both kinds of column share. ``whose`` gives the account, ``row`` names the row before it has a number."""

    descriptor_class = _Opened
    column: Any
    model: Any
    attname: str

    def __init__(
        self,
        *arguments: Any,
        whose: Whose | None = None,
        row: Callable[[Any], str] | None = None,
        **named: Any,
    ) -> None:
        self._whose, self._row = whose, row
        super().__init__(*arguments, **named)

    def deconstruct(self) -> tuple[Any, Any, Any, Any]:
        """Migrations see the plain column: sealing changes nothing there."""
        name, _, arguments, named = super().deconstruct()  # type: ignore[misc]
        plain = next(base for base in type(self).__mro__ if base.__module__.startswith("django."))
        return name, f"django.db.models.{plain.__name__}", arguments, named

    def seat(self, instance: Any) -> Seat | None:
        account = self._whose(instance) if self._whose else None
        if account is None:
            return None
        row = self._row(instance) if self._row else str(instance.pk)
        return Seat(self.model._meta.db_table.replace('"', ""), row, self.column, account)

    def opened(self, instance: Any, value: Any) -> Any:
        seat = self.seat(instance)
        assert seat is not None, "only what is about somebody is sealed"
        return self.from_text(unseal(self.stored(value), seat))

    def pre_save(self, instance: Any, add: bool) -> Any:
        """What is stored; about somebody who was erased, no words are any more."""
        del add
        value, seat = getattr(instance, self.attname), self.seat(instance)
        if seat is None or value in ("", None, {}):
            return value
        try:
            return self.as_stored(seal(self.as_text(value), seat))
        except KeyDestroyed:
            return self.as_stored(GONE) if isinstance(value, str) else {}

    is_sealed: Callable[[Any], bool]
    stored: Callable[[Any], str]
    as_stored: Callable[[str], Any]
    as_text: Callable[[Any], str]
    from_text: Callable[[str], Any]


class SealedText(_Sealed, models.TextField):  # type: ignore[misc,type-arg]
    """Words of or about one person."""

    stored = as_stored = as_text = from_text = staticmethod(str)

    def is_sealed(self, value: Any) -> bool:
        return isinstance(value, str) and value.startswith(PREFIX)


class SealedJson(_Sealed, models.JSONField):  # type: ignore[misc]
    """Values about one person."""

    def is_sealed(self, value: Any) -> bool:
        return isinstance(value, dict) and value.keys() == {SEALED}

    @staticmethod
    def stored(value: Any) -> str:
        return str(value[SEALED])

    @staticmethod
    def as_stored(text: str) -> Any:
        return {SEALED: text}

    @staticmethod
    def as_text(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    @staticmethod
    def from_text(text: str) -> Any:
        return json.loads(text) if text.startswith("{") else {}
