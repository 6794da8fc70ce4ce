"""Columns: a list whose cells, page and file all come from one line a column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from django.contrib.admin import display
from django.utils.functional import Promise

from tanpuhui.access.models import Organisation
from tanpuhui.console import cells
from tanpuhui.console.guard import ConsoleRequest
from tanpuhui.console.lists import ReadOnlyList
from tanpuhui.ledger.account import FIRST_ORGANISATION


@dataclass(frozen=True)
class Col:
    """A column: its field, what it is called, how it is drawn, and whether it is a number."""

    field: str
    text: str | Promise
    draw: Callable[[Any], Any] = str
    is_number: bool = False
    #: Only on the page of a row and in the file.
    is_detail: bool = False
    #: A list can be sorted by it: it is a field of the table.
    is_sorted: bool = True
    #: It is drawn from the whole row, since the field alone does not say it.
    is_of_row: bool = False

    def cell(self, row: Any) -> Any:
        """What stands in the column for a row."""
        return self.draw(row if self.is_of_row else getattr(row, self.field))


class ColumnList(ReadOnlyList):
    """A list that is made from its ``columns``."""

    columns: ClassVar[tuple[Col, ...]] = ()

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        shown = [one for one in cls.columns if not one.is_detail]
        for one in shown:
            setattr(cls, f"{one.field}_cell", _cell(one))
        cls.list_display = tuple(f"{one.field}_cell" for one in shown)
        cls.numbers = tuple(place for place, one in enumerate(shown) if one.is_number)
        cls.exported = [(one.field, _raw(one.field)) for one in cls.columns]

    def page(self, request: ConsoleRequest, found: Any) -> dict[str, Any]:
        facts = [(one.text, one.cell(found)) for one in self.columns]
        return {
            "title": f"{self.heading}: {found.pk}",
            "eyebrow": self.heading,
            "facts": facts,
            "tools": self.row_tools(request, found),
        }

    def row_tools(self, request: ConsoleRequest, found: Any) -> list[tuple[Any, str]]:
        """What can be done with a row, as texts and addresses."""
        del request, found
        return []


def owner(number: int) -> Any:
    """Who an owner of the ledger is, by code; residents, pools and the buffer are nobody here."""
    if number < FIRST_ORGANISATION:
        return cells.NOTHING
    known = Organisation.objects.filter(pk=number - FIRST_ORGANISATION).first()
    return cells.code(known.code) if known else cells.count(number)


def optional(draw: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: cells.NOTHING if value is None else draw(value)


def _cell(one: Col) -> Any:
    @display(description=cast("Any", one.text), ordering=one.field if one.is_sorted else None)
    def cell(self: Any, row: Any) -> Any:
        del self
        return one.cell(row)

    return cell


def _raw(field: str) -> Callable[[Any], Any]:
    return lambda row: getattr(row, field)
