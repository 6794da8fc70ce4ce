"""Data in: providers with their contracts, batches with their receipts, and rows that were refused."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.admin import display
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import pgettext

from tanpuhui.console import cells, names
from tanpuhui.console.cells import Table
from tanpuhui.console.draw import draw
from tanpuhui.console.guard import ConsoleRequest, record
from tanpuhui.console.lists import Choices, KeyFilter, ReadOnlyList, choice_filter
from tanpuhui.console.verb import VerbPage
from tanpuhui.evidence import quarantine
from tanpuhui.evidence.contract import contracts, disable, latest
from tanpuhui.evidence.feeds import Feed, feeds
from tanpuhui.evidence.models import Batch, Contract, QuarantinedRow
from tanpuhui.evidence.receipt import of
from tanpuhui.kit.moment import utc_now

RECENT = 20


def known_providers() -> Choices:
    found = Contract.objects.order_by("provider").values_list("provider", flat=True).distinct()
    return names.choices_of_parties(found)


def interval(feed: Feed) -> str:
    """How far apart the provider's batches usually are, in hours."""
    if feed.usual is None:
        return cells.NOTHING
    return _("%(hours)s h") % {"hours": cells.count(round(feed.usual.total_seconds() / 3600))}


def feed_state(feed: Feed | None) -> Any:
    """Whether a provider's next batch should have come."""
    if feed is None:
        return cells.state("plain", _("no contract in force"))
    if feed.is_late:
        return cells.state("bad", _("late"))
    if feed.last_at is None:
        return cells.state("plain", _("never sent"))
    if feed.usual is None:
        return cells.state("plain", _("too few batches to tell"))
    return cells.state("good", _("on time"))


def providers(request: ConsoleRequest) -> HttpResponse:
    """Every provider with its contract in force and whether its feed is late."""
    known = {feed.provider: feed for feed in feeds(utc_now())}
    rows = []
    for contract in contracts():
        feed = known.get(contract.provider)
        rows.append(
            [
                names.provider(contract.provider),
                feed_state(feed),
                cells.moment(feed.last_at) if feed else cells.NOTHING,
                interval(feed) if feed else cells.NOTHING,
                names.kinds(contract.kinds),
                contract.pia_reference,
                cells.day(contract.valid_to),
            ]
        )
    headers = [
        _("Provider"),
        _("Feed"),
        _("Last batch"),
        _("Usual interval"),
        _("Kinds of act"),
        _("Privacy impact assessment"),
        _("Contract ends"),
    ]
    table = Table(
        headers, rows, caption=_("Providers"), empty=_("No provider has a contract yet."), numbers=(3,)
    )
    return draw(request, "detail", title=_("Providers"), tables=[table])


def provider(request: ConsoleRequest, provider: str) -> HttpResponse:
    """One provider: every version of the contract, and the last batches."""
    contract = latest(provider)
    feed = {each.provider: each for each in feeds(utc_now())}.get(provider)
    versions = [
        [
            cells.count(each.version),
            cells.state("good", _("enabled")) if each.enabled else cells.state("bad", _("disabled")),
            cells.code(each.format),
            names.kinds(each.kinds),
            cells.count(each.precedence),
            cells.day(each.valid_from),
            cells.day(each.valid_to),
            each.pia_reference,
            cells.moment(each.made_at),
        ]
        for each in Contract.objects.filter(provider=provider).order_by("-version")
    ]
    batches = [
        [
            cells.link(each.pk, "evidence_batch_change", each.pk),
            cells.moment(each.received_at),
            cells.count(each.rows),
            cells.count(each.accepted),
            cells.count(each.duplicate),
            cells.count(each.refused),
        ]
        for each in Batch.objects.filter(provider=provider).order_by("-id")[:RECENT]
    ]
    tools = []
    if request.may_act and contract.enabled:
        tools.append((_("Disable the contract"), reverse("console:provider_disable", args=[provider])))
    return draw(
        request,
        "detail",
        title=names.party(provider),
        eyebrow=_("Provider"),
        facts=[
            (pgettext("identifier", "Code"), cells.code(provider)),
            (_("Feed"), feed_state(feed)),
            (_("Privacy impact assessment"), contract.pia_reference),
            (_("Pseudonym key"), cells.code(contract.pseudonym_key)),
            (_("Repairs agreed"), ", ".join(contract.repairs) or cells.NOTHING),
            (_("Options"), cells.code(contract.options) if contract.options else cells.NOTHING),
        ],
        tables=[
            Table(
                [
                    _("Version"), _("State"), _("Format"), _("Kinds of act"), _("Precedence"), _("From"),
                    _("To"), _("Privacy impact assessment"), _("Made at"),
                ],
                versions,
                caption=_("Versions of the contract"),
                numbers=(0, 4),
            ),
            Table(
                [_("Batch"), _("Received"), _("Rows"), _("Accepted"), _("Duplicate"), _("Refused")],
                batches,
                caption=_("Last batches"),
                empty=_("Nothing was sent yet."),
                numbers=(2, 3, 4, 5),
            ),
        ],
        tools=tools,
    )  # fmt: skip


class DisableProvider(VerbPage):
    title = _l("Disable the contract")
    says = _l(
        "A new version of the contract is made that is disabled: from then on no file of this provider is taken. "
        "What was taken stays. To enable it again, agree on a further version."
    )
    button = _l("Disable")
    is_grave = True

    def facts(self, *, provider: str) -> list[tuple[Any, Any]]:
        contract = latest(provider)
        return [
            (_("Provider"), names.provider(contract.provider)),
            (_("Version in force"), cells.count(contract.version)),
        ]

    def do(self, form: Any, *, provider: str) -> str:
        at = utc_now()
        contract = latest(provider)
        if contract.enabled:
            contract = disable(provider, at=at)
            record(
                self.request,
                "provider.disabled",
                at=at,
                object_kind="provider",
                object_key=provider,
                reason=form.cleaned_data["reason"],
                facts={"version": contract.version},
            )
        self.say(_("The contract is disabled."))
        return reverse("console:provider", args=[provider])


class BatchList(ReadOnlyList):
    heading = _l("Batches")
    says = _l("Every file that a provider sent: its rows are accepted, duplicates, or refused with a reason.")
    empty = _l("No file was taken yet.")
    place = "batches"
    list_display = ("number", "provider_", "received", "rows_", "accepted_", "duplicate_", "refused_", "why")
    list_filter = (
        choice_filter(_l("provider"), "provider", known_providers),
        choice_filter(_l("refused rows"), "refused", lambda: [("0", _l("some rows refused"))], "refused__gt"),
    )
    search_fields = ("key", "digest")
    search_help_text = _l("Key or digest")
    ordering = ("-id",)
    numbers = (3, 4, 5, 6)
    exported: ClassVar = [
        ("batch", lambda row: row.pk),
        ("provider", lambda row: row.provider),
        ("key", lambda row: row.key),
        ("digest", lambda row: row.digest),
        ("received_at", lambda row: row.received_at),
        ("rows", lambda row: row.rows),
        ("accepted", lambda row: row.accepted),
        ("duplicate", lambda row: row.duplicate),
        ("refused", lambda row: row.refused),
    ]

    @display(description=_l("Batch"), ordering="id")
    def number(self, row: Batch) -> int:
        return row.pk

    @display(description=_l("Provider"), ordering="provider")
    def provider_(self, row: Batch) -> str:
        return names.party(row.provider)

    @display(description=_l("Received"), ordering="received_at")
    def received(self, row: Batch) -> Any:
        return cells.moment(row.received_at)

    @display(description=_l("Rows"), ordering="rows")
    def rows_(self, row: Batch) -> str:
        return cells.count(row.rows)

    @display(description=_l("Accepted"), ordering="accepted")
    def accepted_(self, row: Batch) -> str:
        return cells.count(row.accepted)

    @display(description=_l("Duplicate"), ordering="duplicate")
    def duplicate_(self, row: Batch) -> str:
        return cells.count(row.duplicate)

    @display(description=_l("Refused"), ordering="refused")
    def refused_(self, row: Batch) -> str:
        return cells.count(row.refused)

    @display(description=_l("Why"))
    def why(self, row: Batch) -> Any:
        return cells.counted(row.reasons.items())

    def page(self, request: ConsoleRequest, found: Batch) -> dict[str, Any]:
        receipt = of(found)
        rows = f"{reverse('console:evidence_quarantinedrow_changelist')}?batch={found.pk}"
        reasons = [[names.reason(name), cells.count(number)] for name, number in receipt.reasons.items()]
        notes = [[names.reason(name), cells.count(number)] for name, number in receipt.notes.items()]
        return {
            "title": _("Batch %(number)s") % {"number": found.pk},
            "eyebrow": names.party(found.provider),
            "facts": [
                (_("Provider"), names.provider(found.provider)),
                (_("Key"), cells.code(found.key)),
                (_("Digest"), cells.code(found.digest)),
                (_("Received"), cells.moment(found.received_at)),
                (_("Rows"), cells.count(found.rows)),
                (_("Accepted"), cells.count(found.accepted)),
                (_("Duplicate"), cells.count(found.duplicate)),
                (_("Refused"), cells.count(found.refused)),
                (_("Files in the lake"), cells.count(found.files.count())),
            ],
            "tables": [
                Table(
                    [_("Reason"), _("Rows")],
                    reasons,
                    caption=_("Why rows were refused"),
                    empty=_("No row was refused."),
                    numbers=(1,),
                ),
                *(
                    [
                        Table(
                            [_("Remark"), _("Rows")],
                            notes,
                            caption=_("Remarks on accepted rows"),
                            numbers=(1,),
                        )
                    ]
                    if notes
                    else []
                ),
            ],
            "texts": [(_("Signed receipt"), receipt.signature)],
            "tools": [(_("Refused rows"), rows)] if found.refused else [],
        }


class BatchFilter(KeyFilter):
    title = _l("batch")
    parameter_name = "batch"
    field = "batch_id"


class RowList(ReadOnlyList):
    heading = _l("Refused rows")
    says = _l(
        "Rows wait here, encrypted, until the provider sends them again. Opening one is written down, with the reason."
    )
    empty = _l("No row is in quarantine.")
    place = "rows"
    list_display = ("number", "batch_", "provider", "row_", "code_", "field_", "sent_again")
    list_filter = (
        choice_filter(_l("provider"), "provider", known_providers, "batch__provider"),
        choice_filter(_l("reason"), "code", lambda: [(code, code) for code in _codes()]),
        choice_filter(
            _l("state"),
            "open",
            lambda: [("True", _l("not sent again")), ("False", _l("sent again"))],
            "resolution__isnull",
        ),
        BatchFilter,
    )
    list_select_related = ("batch", "resolution")
    ordering = ("-batch_id", "row_number")
    numbers = (3,)
    exported: ClassVar = [
        ("batch", lambda row: row.batch_id),
        ("provider", lambda row: row.batch.provider),
        ("row_number", lambda row: row.row_number),
        ("code", lambda row: row.code),
        ("field", lambda row: row.field),
    ]

    @display(description=_l("Row"), ordering="id")
    def number(self, row: QuarantinedRow) -> int:
        return row.pk

    @display(description=_l("Batch"), ordering="batch_id")
    def batch_(self, row: QuarantinedRow) -> Any:
        return cells.link(row.batch_id, "evidence_batch_change", row.batch_id)

    @display(description=_l("Provider"), ordering="batch__provider")
    def provider(self, row: QuarantinedRow) -> str:
        return names.party(row.batch.provider)

    @display(description=_l("Row in the file"), ordering="row_number")
    def row_(self, row: QuarantinedRow) -> str:
        return cells.count(row.row_number)

    @display(description=_l("Reason"), ordering="code")
    def code_(self, row: QuarantinedRow) -> Any:
        return names.reason(row.code, whole=False)

    @display(description=_l("Field"), ordering="field")
    def field_(self, row: QuarantinedRow) -> Any:
        return cells.code(row.field) if row.field else cells.NOTHING

    @display(description=_l("Sent again"))
    def sent_again(self, row: QuarantinedRow) -> Any:
        known = getattr(row, "resolution", None)
        return cells.link(known.batch_id, "evidence_batch_change", known.batch_id) if known else cells.NOTHING

    def page(self, request: ConsoleRequest, found: QuarantinedRow) -> dict[str, Any]:
        opening = reverse("console:row_open", args=[found.pk])
        return {
            "title": _("Refused row %(number)s") % {"number": found.pk},
            "eyebrow": names.party(found.batch.provider),
            "facts": [
                (_("Batch"), self.batch_(found)),
                (_("Row in the file"), cells.count(found.row_number)),
                (_("Reason"), names.reason(found.code)),
                (_("Field"), self.field_(found)),
                (_("Sent again"), self.sent_again(found)),
            ],
            "tools": [(_("Open its content"), opening)] if request.may_act else [],
        }


def _codes() -> QuerySet[QuarantinedRow, str]:
    return QuarantinedRow.objects.order_by("code").values_list("code", flat=True).distinct()


class OpenRow(VerbPage):
    title = _l("Open a refused row")
    says = _l(
        "The row may hold what a provider calls a person. Who opened it, when and why is kept in the audit trail."
    )
    button = _l("Show the content")

    def facts(self, *, number: int) -> list[tuple[Any, Any]]:
        row = get_object_or_404(QuarantinedRow.objects.select_related("batch"), pk=number)
        return [
            (_("Provider"), names.provider(row.batch.provider)),
            (_("Row in the file"), cells.count(row.row_number)),
            (_("Reason"), names.reason(row.code)),
        ]

    def do(self, form: Any, *, number: int) -> HttpResponse:
        row = quarantine.row(number)
        record(
            self.request,
            "row.opened",
            at=utc_now(),
            object_kind="quarantined_row",
            object_key=row.pk,
            reason=form.cleaned_data["reason"],
            facts={"provider": row.batch.provider, "batch": row.batch_id},
        )
        content = [[cells.code(name), value] for name, value in quarantine.content(row).items()]
        return draw(
            self.request,
            "detail",
            title=_("Refused row %(number)s") % {"number": row.pk},
            eyebrow=names.party(row.batch.provider),
            tables=[Table([_("Column"), _("As it was sent")], content, caption=_("Content"))],
        )


def open_rows() -> int:
    """How many refused rows wait to be sent again."""
    return int(QuarantinedRow.objects.filter(resolution__isnull=True).aggregate(count=Count("id"))["count"])
