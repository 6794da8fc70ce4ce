"""Credentials: what was issued, about what, and how it stands; suspended and restored by one, revoked by two.

A company's certificate has the company's name; what is about a resident has the number of the account, and no more.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.db.models import BigIntegerField, Case, F, Func, OuterRef, Q, Subquery, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.consent.policy import policy
from tanpuhui.console import cells, four_eyes, names
from tanpuhui.console.cells import Table
from tanpuhui.console.closes import trail
from tanpuhui.console.columns import Col, ColumnList, optional
from tanpuhui.console.guard import ConsoleRequest, record
from tanpuhui.console.kinds import publish_when_committed
from tanpuhui.console.lists import choice_filter
from tanpuhui.console.refusals import CredentialIsRevoked, CredentialStandsSo
from tanpuhui.console.verb import Reasoned, VerbPage
from tanpuhui.copies.credential_words import by_name, kind_name, reason_text, state_name
from tanpuhui.disclosure.follow_consent import follow_consent
from tanpuhui.kit.moment import utc_now
from tanpuhui.offsetting.follow_annulment import follow_annulments
from tanpuhui.offsetting.models import Certificate
from tanpuhui.transparency.credential import state_of
from tanpuhui.transparency.credential_status import (
    MOST_CHARACTERS,
    OPERATOR,
    restore,
    suspend,
)
from tanpuhui.transparency.credentials.kinds import KINDS
from tanpuhui.transparency.issuer import list_uri
from tanpuhui.transparency.models import Credential, StatusStep

REVOKE = "credential.revoke"
CERTIFICATE, ACCOUNT = "certificate", "account"
STATES = (StatusStep.VALID, StatusStep.SUSPENDED, StatusStep.REVOKED)
_TONES = {StatusStep.VALID: "good", StatusStep.SUSPENDED: "busy", StatusStep.REVOKED: "bad"}


def _part(place: int) -> Func:
    """A part of what a credential is about: its kind, then its number."""
    return Func(F("subject"), Value(":"), Value(place), function="split_part", output_field=TextField())


def shown(rows: Any) -> Any:
    """Rows with how they stand and whom they are for: a company's code, or an account and who may see a statement."""
    last = StatusStep.objects.filter(credential=OuterRef("pk")).order_by("-sequence")
    companies = Certificate.objects.filter(number=OuterRef("number")).annotate(
        code=KeyTextTransform("code", KeyTextTransform("company", "content"))
    )
    return rows.annotate(
        number=_part(2),
        state=Coalesce(Subquery(last.values("state")[:1]), Value(StatusStep.VALID), output_field=TextField()),
        by=Coalesce(Subquery(last.values("by")[:1]), Value(""), output_field=TextField()),
        company=Subquery(companies.values("code")[:1]),
        recipient=F("statement__grant__recipient"),
        account=Case(
            When(subject__startswith=f"{ACCOUNT}:", then=Cast(_part(2), BigIntegerField())),
            default=F("statement__grant__resident_id"),
            output_field=BigIntegerField(),
        ),
    )


def state(name: str) -> Any:
    """How a credential stands, as a badge."""
    return cells.state(_TONES[name], state_name(name))


def about(row: Any) -> Any:
    """A certificate with the way to its page; of a statement whom it may be shown to."""
    kind, _colon, number = row.subject.partition(":")
    if kind == CERTIFICATE:
        return cells.link(cells.code(number), "offsetting_certificate_change", number)
    return (
        _("for %(recipient)s") % {"recipient": names.party(row.recipient)} if row.recipient else cells.NOTHING
    )


def whom(row: Any) -> Any:
    """A company by name, a resident by the number of the account."""
    if row.company:
        return names.named(names.party(row.company), row.company)
    if row.account is None:
        return cells.NOTHING
    text = _("account %(number)s") % {"number": row.account}
    return cells.link(text, "consent_resident_change", row.account)


class CredentialList(ColumnList):
    heading = _l("Credentials")
    says = _l(
        "What was signed about certificates, and for residents to take along, and how it stands. Residents are "
        "numbers here; what a credential says of them is not shown."
    )
    empty = _l("No credential was issued yet.")
    place = "credentials"
    list_filter = (
        choice_filter(_l("state"), "state", lambda: [(one, state_name(one)) for one in STATES]),
        choice_filter(_l("kind"), "kind", lambda: [(one, kind_name(one)) for one in KINDS]),
    )
    search_fields = ("subject",)
    search_help_text = _l("Number, certificate or account")
    ordering = ("-id",)
    columns: ClassVar = (
        Col("id", _l("Number"), cells.count, is_number=True),
        Col("state", _l("State"), state, is_sorted=False),
        Col("kind", _l("Kind"), kind_name),
        Col("company", _l("For whom"), whom, is_sorted=False, is_of_row=True),
        Col("subject", _l("About"), about, is_of_row=True),
        Col("account", _l("Account"), optional(str), is_detail=True),
        Col("issued_at", _l("Issued at"), cells.moment),
        Col("expires_at", _l("Expires"), cells.moment),
        Col("status_list", _l("Status list"), cells.count, is_detail=True),
        Col("status_index", _l("Place in the status list"), cells.count, is_detail=True),
    )

    def get_queryset(self, request: Any) -> Any:
        return shown(super().get_queryset(request).defer("jwt"))

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        """A whole number is that of a credential or an account; anything else that of a certificate."""
        wanted = search_term.strip()
        if not wanted:
            return queryset, False
        if wanted.isascii() and wanted.isdecimal():
            number = int(wanted)
            return queryset.filter(Q(pk=number) | Q(account=number)), False
        return queryset.filter(subject=f"{CERTIFICATE}:{wanted.upper()}"), False

    def page(self, request: ConsoleRequest, found: Any) -> dict[str, Any]:
        facts = [(one.text, one.cell(found)) for one in self.columns if one.field != "account"]
        facts.append(
            (_("Where everybody reads it"), cells.whole(list_uri(policy().origin, found.status_list)))
        )
        return {
            "title": _("Credential %(number)s") % {"number": found.pk},
            "eyebrow": self.heading,
            "facts": facts,
            "tables": [_steps(found), trail("credential", str(found.pk))],
            "tools": self.row_tools(request, found),
        }

    def row_tools(self, request: ConsoleRequest, found: Any) -> list[tuple[Any, str]]:
        if not request.may_act or found.state == StatusStep.REVOKED:
            return []
        is_ours = found.state == StatusStep.SUSPENDED and found.by == OPERATOR
        first = (_("Restore"), "credential_restore") if is_ours else (_("Suspend"), "credential_suspend")
        wanted = (first, (_("Revoke"), "credential_revoke"))
        return [(text, reverse(f"console:{name}", args=[found.pk])) for text, name in wanted]


def _steps(found: Credential) -> Table:
    rows = [
        [cells.moment(one.at), state(one.state), reason_text(one), by_name(one.by)]
        for one in found.steps.order_by("-sequence")
    ]
    rows.append([cells.moment(found.issued_at), state(StatusStep.VALID), _("issued"), cells.NOTHING])
    return Table([_("When"), _("State"), _("Reason"), _("Who")], rows, caption=_("History"))


class PublicReason(Reasoned):
    """Why: it goes out with the status."""

    reason = forms.CharField(
        label=_l("Reason"),
        help_text=_l(
            "The holder reads it; of a certificate everybody does. It stays in the log for good. Name no person."
        ),
        max_length=MOST_CHARACTERS,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class CredentialVerb(VerbPage):
    """Something that is done with a credential; what cannot follow how it stands is refused."""

    form_class = PublicReason
    wanted: ClassVar[str]

    def facts(self, *, number: int) -> list[tuple[Any, Any]]:
        found = _get(number)
        return [
            (_("Credential"), cells.count(found.pk)),
            (_("Kind"), kind_name(found.kind)),
            (_("About"), about(found)),
            (_("For whom"), whom(found)),
            (_("State"), state(found.state)),
        ]

    def checked(self, number: int) -> Any:
        """The credential, when the wanted state can follow; an operator suspends over what the platform suspended."""
        found = _get(number)
        is_over = found.state == StatusStep.SUSPENDED and found.by != OPERATOR
        if found.state == self.wanted and not is_over:
            raise CredentialStandsSo(number=number, state=state_name(found.state))
        if found.state == StatusStep.REVOKED:
            raise CredentialIsRevoked(number=number)
        return found


class StepNow(CredentialVerb):
    """A step that one person takes, and that can be taken back."""

    verb: ClassVar[str]
    step: ClassVar[staticmethod[..., StatusStep | None]]

    def do(self, form: Any, *, number: int) -> str:
        found, at = self.checked(number), utc_now()
        made = self.step(found, reason=form.cleaned_data["reason"], by=OPERATOR, at=at)
        if made is None:
            raise CredentialStandsSo(number=number, state=state_name(state_of(found)))
        record(
            self.request,
            self.verb,
            at=at,
            object_kind="credential",
            object_key=number,
            reason=made.reason,
            facts={"kind": found.kind},
        )
        if self.wanted == StatusStep.VALID:
            # A consent that was paused meanwhile suspends it again before anybody reads that it was valid.
            follow_consent(at=at)
            follow_annulments(at=at)
        publish_when_committed(at)
        if state_of(found) == self.wanted:
            self.say(_("The status list says so now."))
        else:
            self.say(_("You no longer suspend it. It stays suspended for the reason that its history says."))
        return reverse("console:transparency_credential_change", args=[number])


class SuspendCredential(StepNow):
    title = _l("Suspend a credential")
    says = _l(
        "Nobody should rely on it for now: the status list says so at once, and so does the page of a certificate. "
        "It can be restored. What a paused consent or an annulled lot suspended stays suspended then, also when that "
        "is over."
    )
    button = _l("Suspend")
    is_grave = True
    verb, wanted, step = "credential.suspend", StatusStep.SUSPENDED, staticmethod(suspend)


class RestoreCredential(StepNow):
    title = _l("Restore a credential")
    says = _l(
        "It is valid again, unless its consent is paused or a lot of it is annulled: then it stays suspended for that, "
        "and is valid as soon as that is over."
    )
    button = _l("Restore")
    verb, wanted, step = "credential.restore", StatusStep.VALID, staticmethod(restore)


class RevokeCredential(CredentialVerb):
    title = _l("Revoke a credential")
    says = _l(
        "Nobody should ever rely on it again, and nothing brings it back; another one can be issued about the same. "
        "A colleague must agree; then it is done. Suspend it until then, if it must not wait."
    )
    button = _l("Ask a colleague")
    takes_two = True
    is_grave = True
    wanted = StatusStep.REVOKED

    def do(self, form: Any, *, number: int) -> str:
        self.checked(number)
        reason = form.cleaned_data["reason"]
        approval = four_eyes.ask(
            self.request, REVOKE, {"credential": number, "why": reason}, reason=reason, at=utc_now()
        )
        self.say(_("A colleague was asked. It is done when they agree."))
        return reverse("console:access_approval_change", args=[approval.pk])


def _get(number: int) -> Any:
    return get_object_or_404(shown(Credential.objects), pk=number)
