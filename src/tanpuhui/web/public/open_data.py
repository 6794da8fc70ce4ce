"""Open data: tables as CSV and Parquet under addresses that stay, each column explained, with marks for caches."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import http_date, quote_etag
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import condition

from tanpuhui.kit.digest import PREFIX, digest_bytes
from tanpuhui.kit.exact import format_fraction
from tanpuhui.methodology.methodology import FOREVER
from tanpuhui.registry import monthly
from tanpuhui.registry.lookup import whereabouts
from tanpuhui.registry.models import Lot
from tanpuhui.registry.serial import describe
from tanpuhui.web.public.library import library
from tanpuhui.web.public.lots import counts_persons, fewer_than, in_whole_tonnes
from tanpuhui.web.public.methodologies import weakest

KEPT_S = 60
TEXT, WHOLE, YES, DAY, MOMENT = pa.string(), pa.int64(), pa.bool_(), pa.date32(), pa.timestamp("us", "UTC")
_TYPES = {TEXT: "string", WHOLE: "integer", YES: "boolean", DAY: "date", MOMENT: "datetime"}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column: its name, its type, and what it means."""

    name: str
    type: pa.DataType
    meaning: str

    @property
    def type_name(self) -> str:
        return _TYPES[self.type]

    @property
    def said(self) -> str:
        return gettext(self.meaning)


@dataclass(frozen=True)
class Data:
    """A table: its columns, its rows, and when they last changed."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Callable[[], Iterable[Row]]
    changed_at: Callable[[], datetime | None]

    @property
    def said(self) -> str:
        return gettext(self.title)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(column.name, column.type) for column in self.columns])


def page(request: HttpRequest) -> HttpResponse:
    """What there is, what each column means, and under which licence."""
    return render(
        request, "public/open_data.html", {"tables": TABLES.values(), "licence": settings.OPEN_DATA_LICENCE}
    )


def download(request: HttpRequest, name: str, form: str) -> HttpResponse:
    """One table as it is now. ``ETag`` is the digest of the file, so that what has not changed is not sent again."""
    if name not in TABLES or form not in FORMS:
        raise Http404
    content, changed_at = _content(name, form)
    mark = quote_etag(digest_bytes(content).removeprefix(PREFIX))

    def answer(_request: HttpRequest) -> HttpResponse:
        made = HttpResponse(content, content_type=FORMS[form][0])
        made["Content-Disposition"] = f'attachment; filename="tanpuhui-{name}.{form}"'
        made["Cache-Control"] = f"public, max-age={KEPT_S}"
        made["Link"] = f'<{settings.OPEN_DATA_LICENCE.address}>; rel="license"'
        made["Access-Control-Allow-Origin"] = "*"
        made["Cross-Origin-Resource-Policy"] = "cross-origin"
        if changed_at:
            made["Last-Modified"] = http_date(changed_at.timestamp())
        return made

    return condition(etag_func=lambda _request: mark, last_modified_func=lambda _request: changed_at)(answer)(
        request
    )


def package(request: HttpRequest) -> HttpResponse:
    """The dictionary for programs, as a Frictionless data package."""
    licence = settings.OPEN_DATA_LICENCE
    body = {
        "profile": "tabular-data-package",
        "name": "tanpuhui",
        "licenses": [{"name": licence.name, "path": licence.address}],
        "resources": [
            {
                "name": table.name,
                "title": table.said,
                "path": request.build_absolute_uri(f"{table.name}.csv"),
                "format": "csv",
                "encoding": "utf-8",
                "schema": {
                    "fields": [
                        {"name": column.name, "type": column.type_name, "description": column.said}
                        for column in table.columns
                    ]
                },
            }
            for table in TABLES.values()
        ],
    }
    return JsonResponse(body, json_dumps_params={"ensure_ascii": False, "indent": 1})


def as_csv(table: Data, rows: list[Row]) -> bytes:
    """RFC 4180 in UTF-8; moments as ISO 8601, nothing as an empty field."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    names = [column.name for column in table.columns]
    writer.writerow(names)
    writer.writerows([_plain(row[name]) for name in names] for row in rows)
    return out.getvalue().encode()


def as_parquet(table: Data, rows: list[Row]) -> bytes:
    """The same rows with their types; what each column means is in the file."""
    fields = [pa.field(one.name, one.type, metadata={"meaning": one.meaning}) for one in table.columns]
    out = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist([dict(row) for row in rows], schema=pa.schema(fields)), out, compression="zstd"
    )
    return out.getvalue()


FORMS: dict[str, tuple[str, Callable[[Data, list[Row]], bytes]]] = {
    "csv": ("text/csv; charset=utf-8; header=present", as_csv),
    "parquet": ("application/vnd.apache.parquet", as_parquet),
}


def _content(name: str, form: str) -> tuple[bytes, datetime | None]:
    known: tuple[bytes, datetime | None] | None = caches["worker"].get(f"open-data-{name}-{form}")
    if known is None:
        table = TABLES[name]
        known = FORMS[form][1](table, list(table.rows())), table.changed_at()
        caches["worker"].set(f"open-data-{name}-{form}", known, KEPT_S)
    return known


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _statistics() -> Iterable[Row]:
    for table in monthly.tables():
        for row in (table.everybody, *table.rows):
            yield {
                "month": table.month,
                "published_at": table.published_at,
                "kind": row.kind,
                "persons": row.persons,
                "persons_error": row.persons_error,
                "acts": row.acts,
                "acts_error": row.acts_error,
                "credited_mg": row.credited_mg,
                "credited_error_mg": row.credited_error_mg,
                "left_out": row.left_out,
                "digest": table.digest,
            }


def _statistics_changed() -> datetime | None:
    return max((table.published_at for table in monthly.tables()), default=None)


def _lots() -> Iterable[Row]:
    for lot in Lot.objects.order_by("serial_first"):
        code, _at, version = lot.methodology.partition("@")
        held = whereabouts(lot)
        told = counts_persons(lot) and not fewer_than(lot)
        yield {
            **describe(lot),
            "methodology": code,
            "methodology_version": int(version),
            "through": lot.through,
            "residents": lot.residents if told else None,
            "certified_at": lot.certified_at,
            "with_residents_mg": in_whole_tonnes(held.residents_mg),
            "in_pool_mg": in_whole_tonnes(held.pool_mg),
            "with_companies_mg": in_whole_tonnes(held.companies_mg),
            "in_buffer_mg": in_whole_tonnes(held.buffer_mg),
            "retired_mg": in_whole_tonnes(held.retired_mg),
            "cancelled_mg": in_whole_tonnes(held.cancelled_mg),
        }


def _ledger_changed() -> datetime | None:
    """When anything was last posted: where a lot is may have changed then, and at no other time."""
    if not Lot.objects.exists():
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT posted_at FROM ledger_transaction ORDER BY id DESC LIMIT 1")
        row = cursor.fetchone()
    return row[0] if row else None


def _methodologies() -> Iterable[Row]:
    for one in library().all():
        yield {
            "code": one.code,
            "version": one.version,
            "title_zh": one.title.zh,
            "title_en": one.title.en,
            "kind": one.kind,
            "scope": one.scope,
            "book": one.book,
            "valid_from": one.valid_from,
            "valid_to": one.valid_to,
            "status": weakest(one),
            "document": one.document.title,
            "issuer": one.document.issuer,
            "digest": one.digest,
            "sealed": one.sealed,
        }


def _factors() -> Iterable[Row]:
    for one in library().all():
        for parameter in one.parameters.values():
            for value in parameter.values:
                yield {
                    "methodology": one.code,
                    "version": one.version,
                    "parameter": parameter.name,
                    "title_zh": parameter.title.zh,
                    "title_en": parameter.title.en,
                    "from": value.valid_from,
                    "to": None if value.valid_to == FOREVER else value.valid_to,
                    "value": format_fraction(value.value),
                    "unit": parameter.unit.symbol,
                    "status": value.status,
                    "source": value.source,
                    "review_by": value.review_by,
                    "digest": one.digest,
                }


def _library_changed() -> datetime | None:
    stamps = [path.stat().st_mtime for one in library().all() for path in one.folder.iterdir()]
    return datetime.fromtimestamp(max(stamps), tz=timezone.get_default_timezone()) if stamps else None


def _columns(**columns: tuple[pa.DataType, str]) -> tuple[Column, ...]:
    return tuple(Column(name.rstrip("_"), type_, meaning) for name, (type_, meaning) in columns.items())


TABLES: dict[str, Data] = {
    table.name: table
    for table in (
        Data(
            "statistics",
            gettext_noop("Statistics: credited acts by kind and month"),
            _columns(
                month=(TEXT, gettext_noop("month, YYYY-MM")),
                published_at=(MOMENT, gettext_noop("when it was published")),
                kind=(
                    TEXT,
                    gettext_noop("kind of act; all for every kind together, other for kinds put together"),
                ),
                persons=(
                    WHOLE,
                    gettext_noop("residents with at least one of these acts; empty where left out"),
                ),
                persons_error=(
                    WHOLE,
                    gettext_noop(
                        "how far off that number is at most, in 95 of 100 cases; 0 for an exact one"
                    ),
                ),
                acts=(WHOLE, gettext_noop("acts that were credited; empty where left out")),
                acts_error=(WHOLE, gettext_noop("the same for acts")),
                credited_mg=(
                    WHOLE,
                    gettext_noop("credited reductions in mg CO₂ equivalent; empty where left out"),
                ),
                credited_error_mg=(WHOLE, gettext_noop("the same for credited reductions, in mg")),
                left_out=(YES, gettext_noop("whether the numbers are left out to protect persons")),
                digest=(TEXT, gettext_noop("SHA-256 of the release, which is in the log")),
            ),
            _statistics,
            _statistics_changed,
        ),
        Data(
            "lots",
            gettext_noop("Lots: certified reductions and where they are"),
            _columns(
                lot=(TEXT, gettext_noop("code of the lot")),
                jurisdiction=(TEXT, gettext_noop("whose rules it was certified under")),
                methodology=(TEXT, gettext_noop("code of the methodology")),
                methodology_version=(WHOLE, gettext_noop("version of the methodology")),
                vintage=(WHOLE, gettext_noop("year of the reductions")),
                through=(DAY, gettext_noop("last day whose reductions were taken")),
                tonnes=(WHOLE, gettext_noop("whole tonnes of CO₂ equivalent")),
                certified_mg=(WHOLE, gettext_noop("the same in mg")),
                serial_first=(WHOLE, gettext_noop("first serial number; each is one tonne")),
                serial_last=(WHOLE, gettext_noop("last serial number")),
                serials=(TEXT, gettext_noop("the range as it is printed")),
                residents=(
                    WHOLE,
                    gettext_noop(
                        "residents with a share; empty where they are too few to be told, or statistics have noise"
                    ),
                ),
                status=(TEXT, gettext_noop("weakest status of a factor behind it")),
                operator=(TEXT, gettext_noop("who certified")),
                verifier=(TEXT, gettext_noop("who verified")),
                certified_at=(MOMENT, gettext_noop("when it was certified")),
                with_residents_mg=(
                    WHOLE,
                    gettext_noop("held by residents, whole tonnes rounded down, in mg"),
                ),
                in_pool_mg=(WHOLE, gettext_noop("in a pool, whole tonnes rounded down, in mg")),
                with_companies_mg=(
                    WHOLE,
                    gettext_noop("held by companies, whole tonnes rounded down, in mg"),
                ),
                in_buffer_mg=(WHOLE, gettext_noop("in the buffer, whole tonnes rounded down, in mg")),
                retired_mg=(WHOLE, gettext_noop("retired, whole tonnes rounded down, in mg")),
                cancelled_mg=(WHOLE, gettext_noop("cancelled, whole tonnes rounded down, in mg")),
            ),
            _lots,
            _ledger_changed,
        ),
        Data(
            "methodologies",
            gettext_noop("Methodologies: every version"),
            _columns(
                code=(TEXT, gettext_noop("code of the methodology")),
                version=(WHOLE, gettext_noop("version of the methodology")),
                title_zh=(TEXT, gettext_noop("title in Chinese")),
                title_en=(TEXT, gettext_noop("title in English")),
                kind=(TEXT, gettext_noop("kind of act that it quantifies")),
                scope=(TEXT, gettext_noop("sector and what in it")),
                book=(TEXT, gettext_noop("reduction or points")),
                valid_from=(DAY, gettext_noop("first day in force")),
                valid_to=(DAY, gettext_noop("last day in force; empty while there is none")),
                status=(TEXT, gettext_noop("weakest status of the document and its factors")),
                document=(TEXT, gettext_noop("the document that was transcribed")),
                issuer=(TEXT, gettext_noop("who issued the document")),
                digest=(TEXT, gettext_noop("SHA-256 over its files")),
                sealed=(YES, gettext_noop("whether a changed byte is refused")),
            ),
            _methodologies,
            _library_changed,
        ),
        Data(
            "factors",
            gettext_noop("Factors: every number with its source"),
            _columns(
                methodology=(TEXT, gettext_noop("code of the methodology")),
                version=(WHOLE, gettext_noop("version of the methodology")),
                parameter=(TEXT, gettext_noop("name in the formulas")),
                title_zh=(TEXT, gettext_noop("title in Chinese")),
                title_en=(TEXT, gettext_noop("title in English")),
                from_=(DAY, gettext_noop("first day in force")),
                to=(DAY, gettext_noop("last day in force; empty while there is none")),
                value=(TEXT, gettext_noop("exact decimal or fraction")),
                unit=(TEXT, gettext_noop("unit of the value")),
                status=(TEXT, gettext_noop("official, published, secondary or illustrative")),
                source=(TEXT, gettext_noop("where it was read")),
                review_by=(DAY, gettext_noop("day by which it is to be looked at again")),
                digest=(TEXT, gettext_noop("SHA-256 over the methodology's files")),
            ),
            _factors,
            _library_changed,
        ),
    )
}
