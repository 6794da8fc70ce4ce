"""Lists: Django's and unfold's lists with search, filters and pages, for looking at and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from tanpuhui.console.draw import draw
from tanpuhui.console.export import MOST, Column, csv_of
from tanpuhui.console.guard import ConsoleRequest, console_page, record
from tanpuhui.kit.moment import utc_now

Choices = Iterable[tuple[str, Any]]
_TRUTHS = {"True": True, "False": False}


class ReadOnlyList(ModelAdmin):
    """A list and a page for each row. Nothing is added, changed or deleted through it, by anybody."""

    heading: ClassVar[str | Promise]
    says: ClassVar[str | Promise] = ""
    empty: ClassVar[str | Promise] = ""
    #: Where it is, below the console's address.
    place: ClassVar[str]
    #: Columns of the CSV file.
    exported: ClassVar[Sequence[Column]]
    #: Places of the columns with numbers, from 0.
    numbers: ClassVar[tuple[int, ...]] = ()
    change_list_template = "console/list.html"
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(self.admin_site.has_permission(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(self.admin_site.has_permission(request))

    def addresses(self) -> list[URLPattern]:
        """The list, its file, and the page of a row, under the names that Django's own tags ask for."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path(f"{self.place}/", console_page(self.list), name=f"{name}_changelist"),
            path(f"{self.place}/export", console_page(require_POST(self.export)), name=f"{name}_export"),
            path(f"{self.place}/<str:object_id>/", console_page(self.one), name=f"{name}_change"),
        ]

    def list(self, request: ConsoleRequest) -> HttpResponseBase:
        context = {
            "title": self.heading,
            "says": self.says,
            "empty_text": self.empty,
            "numbers": self.numbers,
            "tools": self.tools(request),
        }
        return self.changelist_view(request, context)  # type: ignore[no-any-return]

    def export(self, request: ConsoleRequest) -> HttpResponseBase:
        """What the list shows, all of it, as CSV; that it was taken is in the audit trail."""
        rows = self.get_changelist_instance(request).get_queryset(request)[:MOST]
        name = self.place.replace("/", "-")
        with transaction.atomic():
            record(
                request,
                "list.exported",
                at=utc_now(),
                object_kind="list",
                object_key=name,
                facts={"asked": dict(request.GET.lists()), "rows": len(rows)},
            )
        return csv_of(name, self.exported, rows)

    def one(self, request: ConsoleRequest, object_id: str) -> HttpResponse:
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        return draw(request, "detail", **self.page(request, found))

    if TYPE_CHECKING:

        def page(self, request: ConsoleRequest, found: Any) -> dict[str, Any]:
            """What the page of a row shows: ``title``, ``facts``, ``tables``, ``tools``; each list says it."""

    def tools(self, request: ConsoleRequest) -> Sequence[tuple[Any, str]]:
        """What can be done from the list, as texts and addresses."""
        return ()


def choice_filter(
    title: str | Promise, parameter: str, choices: Callable[[], Choices], field: str | None = None
) -> type[SimpleListFilter]:
    """A filter with a title in the reader's language; a value that is none of the choices finds nothing."""
    wanted_title, wanted_name = title, parameter

    class ChoiceFilter(SimpleListFilter):
        title = wanted_title  # type: ignore[assignment]
        parameter_name = wanted_name

        def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
            return list(choices())

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            value = self.value()
            if value is None:
                return queryset
            if value not in {str(choice) for choice, _ in self.lookup_choices}:
                return queryset.none()
            return queryset.filter(**{field or wanted_name: _TRUTHS.get(value, value)})

    return ChoiceFilter


class KeyFilter(SimpleListFilter):
    """Rows of the one thing that a link named, such as a batch; offered only while it is asked for."""

    field: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        given = request.GET.get(str(self.parameter_name), "")
        return [(given, given)] if given.isascii() and given.isdecimal() and len(given) < 19 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset if value is None else queryset.filter(**{self.field: value})
