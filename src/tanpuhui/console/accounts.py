"""Accounts: found by number or by a provider's pseudonym; frozen, clawed back; and, by two people, whose they are."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib.admin import display
from django.db import connection, transaction
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import pgettext

from tanpuhui.close.act_counts import count_acts
from tanpuhui.close.installation import places
from tanpuhui.consent.models import Grant, Identity, Resident
from tanpuhui.consent.show import get_resident
from tanpuhui.consent.state import FINAL, State
from tanpuhui.console import cells, four_eyes, names
from tanpuhui.console.answers import outcomes
from tanpuhui.console.cells import Table
from tanpuhui.console.closes import trail
from tanpuhui.console.draw import draw
from tanpuhui.console.evidence import known_providers
from tanpuhui.console.guard import ConsoleRequest, record
from tanpuhui.console.lists import ReadOnlyList, choice_filter
from tanpuhui.console.verb import Reasoned, VerbPage
from tanpuhui.evidence.find import account_of
from tanpuhui.kit.exact import INT64_MAX
from tanpuhui.kit.moment import utc_now
from tanpuhui.ledger.account import Kind, account_id, kind_of
from tanpuhui.ledger.balance import balances
from tanpuhui.registry.freeze import freeze, frozen_of
from tanpuhui.registry.refusals import CannotClawBack, NotFrozen

LOT = "lot:"
GRANTS_SHOWN = 50


def _kind(kind: Kind) -> str:
    return {
        Kind.RESIDENT_PENDING: pgettext("account", "pending"),
        Kind.RESIDENT_CERTIFIED: pgettext("account", "certified"),
        Kind.RESIDENT_POINTS: pgettext("account", "points"),
        Kind.RETIRED: pgettext("account", "retired"),
        Kind.CANCELLED: pgettext("account", "cancelled"),
        Kind.RESIDENT_OWED: pgettext("account", "owed"),
    }.get(kind, kind.name.lower())


def _balances(account: int) -> Table:
    rows = []
    for row in balances(connection, [account_id(kind, account) for kind in Kind]):
        shown = cells.mass if row.unit == "mg" else cells.count
        rows.append(
            [_kind(kind_of(row.account_id)), names.asset(row.asset), shown(row.available), shown(row.held)]
        )
    headers = [_("Account"), _("Asset"), _("Available"), _("Set aside")]
    return Table(headers, rows, caption=_("Balances"), empty=_("Nothing was ever credited."), numbers=(2, 3))


def _grants(account: int) -> Table:
    now = utc_now()
    found = Grant.objects.filter(resident_id=account).order_by("-id").prefetch_related("events")
    rows = []
    for grant in found[:GRANTS_SHOWN]:
        last = max(grant.events.all(), key=lambda event: event.seq)
        is_over = State(last.state) not in FINAL and grant.expires_at <= now
        rows.append(
            [
                grant.pk,
                names.party(grant.provider),
                names.party(grant.recipient),
                names.purpose(grant.purpose),
                names.kinds(grant.kinds),
                cells.grant_state("Expired" if is_over else last.state),
                cells.moment(grant.expires_at),
            ]
        )
    headers = [
        _("Grant"), _("Provider"), _("Recipient"), _("Purpose"), _("Kinds of act"), _("State"), _("Expires"),
    ]  # fmt: skip
    return Table(headers, rows, caption=_("Grants"), empty=_("No grant was ever given."))


class AccountList(ReadOnlyList):
    heading = _l("Accounts")
    says = _l("Residents by number. Who somebody is, is kept apart, and looking it up takes two people.")
    empty = _l("No account was opened yet.")
    place = "accounts"
    list_display = ("number", "opened", "closed")
    list_filter = (
        choice_filter(
            _l("state"),
            "open",
            lambda: [("True", _l("open")), ("False", _l("closed"))],
            "closed_at__isnull",
        ),
    )
    search_fields = ("=id",)
    search_help_text = _l("Number of the account")
    ordering = ("-id",)
    exported: ClassVar = [
        ("account", lambda row: row.pk),
        ("opened_at", lambda row: row.opened_at),
        ("closed_at", lambda row: row.closed_at),
    ]

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        return [(_("Find by pseudonym"), reverse("console:account_find"))] if request.may_act else []

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        """Only whole numbers are searched for; anything else finds nothing."""
        wanted = search_term.strip()
        if wanted and not (wanted.isascii() and wanted.isdecimal() and int(wanted) <= INT64_MAX):
            return queryset.none(), False
        return super().get_search_results(request, queryset, wanted)

    @display(description=_l("Account"), ordering="id")
    def number(self, row: Resident) -> int:
        return row.pk

    @display(description=_l("Opened"), ordering="opened_at")
    def opened(self, row: Resident) -> Any:
        return cells.moment(row.opened_at)

    @display(description=_l("Closed"), ordering="closed_at")
    def closed(self, row: Resident) -> Any:
        return cells.moment(row.closed_at)

    def page(self, request: ConsoleRequest, found: Resident) -> dict[str, Any]:
        with transaction.atomic():
            record(request, "account.seen", at=utc_now(), object_kind="account", object_key=found.pk)
        frozen = frozen_of(found.pk)
        acts = count_acts(found.pk, places())
        ends = outcomes(acts.outcomes)
        caption = _("How records ended (last closed days: %(days)s)") % {"days": acts.days}
        tools = []
        if request.may_act:
            names = [("account_freeze", _("Freeze"))]
            if frozen:
                names.append(("account_unfreeze", _("Let go of what is frozen")))
            names += [
                ("account_claw_back", _("Claw back")),
                ("account_identity", _("Ask who this is")),
            ]
            tools = [(text, reverse(f"console:{name}", args=[found.pk])) for name, text in names]
        return {
            "title": _("Account %(number)s") % {"number": found.pk},
            "eyebrow": _("Resident"),
            "facts": [
                (_("Opened"), cells.moment(found.opened_at)),
                (_("Closed"), cells.moment(found.closed_at)),
                (
                    _("Frozen"),
                    cells.state("bad", _("yes")) if frozen else cells.state("plain", _("no")),
                ),
                (_("Credited on these days"), cells.mass(acts.credited_mg)),
            ],
            "tables": [
                _balances(found.pk),
                Table(ends.headers, ends.rows, caption=caption, empty=ends.empty, numbers=ends.numbers),
                _grants(found.pk),
                trail("account", str(found.pk)),
            ],
            "tools": tools,
        }


class Pseudonym(Reasoned):
    """What a provider calls somebody. It is sent, not put into an address, and not kept."""

    provider = forms.ChoiceField(label=_l("Provider"))
    pseudonym = forms.CharField(
        label=_l("Pseudonym"),
        help_text=_l("As the provider writes it; it is not stored, and not in any log."),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("provider", "pseudonym", "reason")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["provider"].choices = list(known_providers())  # type: ignore[attr-defined]


class FindAccount(VerbPage):
    title = _l("Find an account by pseudonym")
    says = _l(
        "Which account a provider's pseudonym is linked to. That it was looked up is in the audit trail."
    )
    button = _l("Find")
    form_class = Pseudonym

    def do(self, form: Any, **named: Any) -> HttpResponse | str:
        given = form.cleaned_data
        account = account_of(given["provider"], given["pseudonym"])
        record(
            self.request,
            "account.found" if account else "account.not_found",
            at=utc_now(),
            object_kind="account" if account else "provider",
            object_key=account or given["provider"],
            reason=given["reason"],
            facts={"provider": given["provider"]},
        )
        if account is None:
            form.add_error("pseudonym", _("No account is linked to this pseudonym."))
            return self._page(form, named)
        return reverse("console:consent_resident_change", args=[account])


class AccountVerb(VerbPage):
    """A verb about one account."""

    def facts(self, *, account: int) -> list[tuple[Any, Any]]:
        resident = get_resident(account)
        return [(_("Account"), cells.link(resident.pk, "consent_resident_change", resident.pk))]


class Freeze(AccountVerb):
    title = _l("Freeze an account")
    says = _l(
        "Everything that is available now is set aside: pending, certified and points. It cannot be used, sold or "
        "certified until it is let go, which takes two people. What comes in later is not frozen."
    )
    button = _l("Freeze")
    is_grave = True

    def do(self, form: Any, *, account: int) -> str:
        at = utc_now()
        hold = freeze(get_resident(account).pk, key=at.isoformat(), at=at)
        record(
            self.request,
            "account.frozen",
            at=at,
            object_kind="account",
            object_key=account,
            reason=form.cleaned_data["reason"],
            facts={"hold": hold},
        )
        self.say(_("What was available is frozen."))
        return reverse("console:consent_resident_change", args=[account])


class Unfreeze(AccountVerb):
    title = _l("Let go of what is frozen")
    says = _l("Everything that was frozen is available again. A colleague must agree; then it is done.")
    button = _l("Ask a colleague")
    takes_two = True

    def do(self, form: Any, *, account: int) -> str:
        if not frozen_of(get_resident(account).pk):
            raise NotFrozen(account=account)
        return _asked(self, "account.unfreeze", {"account": account}, form.cleaned_data["reason"])


class Amount(Reasoned):
    """How much of which lot."""

    lot = forms.CharField(label=_l("Lot"), max_length=60)
    amount_mg = forms.IntegerField(
        label=_l("Amount in milligrams"),
        help_text=_l("1 kg is 1,000,000 mg. At most what the account holds of the lot."),
        min_value=1,
        max_value=INT64_MAX,
    )
    field_order = ("lot", "amount_mg", "reason")


class ClawBack(AccountVerb):
    title = _l("Claw back certified reductions")
    says = _l(
        "The amount leaves the resident's account and is cancelled for good. What is frozen can be taken; the rest "
        "stays frozen. A colleague must agree; then it is done."
    )
    button = _l("Ask a colleague")
    form_class = Amount
    takes_two = True
    is_grave = True

    def facts(self, *, account: int) -> list[tuple[Any, Any]]:
        held = [(cells.code(lot), cells.mass(amount_mg)) for lot, amount_mg in _lots(account).items()]
        return [*super().facts(account=account), *held]

    def initial(self, *, account: int) -> dict[str, Any]:
        lots = _lots(account)
        return {"lot": next(iter(lots))} if len(lots) == 1 else {}

    def do(self, form: Any, *, account: int) -> str:
        given = form.cleaned_data
        available_mg = _lots(get_resident(account).pk).get(given["lot"], 0)
        if given["amount_mg"] > available_mg:
            raise CannotClawBack(
                account=account,
                lot=given["lot"],
                available_mg=available_mg,
                wanted_mg=given["amount_mg"],
            )
        arguments = {
            "account": account,
            "lot": given["lot"],
            "amount_mg": given["amount_mg"],
            "effective_on": timezone.localdate().isoformat(),
        }
        return _asked(self, "account.claw_back", arguments, given["reason"])


def _lots(account: int) -> dict[str, int]:
    """What a resident has of each lot that can be clawed back: available, and frozen."""
    source = account_id(Kind.RESIDENT_CERTIFIED, account)
    found: dict[str, int] = {}
    for row in balances(connection, [source]):
        found[row.asset.removeprefix(LOT)] = row.available
    for line in frozen_of(account):
        if line.account_id == source:
            found[line.asset.removeprefix(LOT)] += line.amount
    return {lot: amount for lot, amount in found.items() if amount}


class AskIdentity(AccountVerb):
    title = _l("Ask who an account belongs to")
    says = _l(
        "Birth date and guardian are in the vault. A colleague must agree; then you, and nobody else, may look once. "
        "The resident can see that somebody looked, and why."
    )
    button = _l("Ask a colleague")
    takes_two = True

    def do(self, form: Any, *, account: int) -> str:
        arguments = {"account": get_resident(account).pk}
        return _asked(self, four_eyes.REVEAL, arguments, form.cleaned_data["reason"])


class OpenIdentity(VerbPage):
    title = _l("See who an account belongs to")
    says = _l("A colleague has agreed. What you see is shown once; load the page again, and it is gone.")
    button = _l("Show")
    form_class = forms.Form

    def facts(self, *, account: int, approval: UUID) -> list[tuple[Any, Any]]:
        return [(_("Account"), get_resident(account).pk), (_("Approval"), cells.code(approval))]

    def do(self, form: Any, *, account: int, approval: UUID) -> HttpResponse:
        at = utc_now()
        used = four_eyes.use(self.request, approval, four_eyes.REVEAL, {"account": account}, at=at)
        record(
            self.request,
            "account.identity_shown",
            at=at,
            object_kind="account",
            object_key=account,
            reason=used.reason,
            facts={"approval": str(used.pk), "agreed_by": str(used.decided_by_id)},
        )
        known = Identity.objects.filter(resident_id=account).first()
        facts: list[tuple[Any, Any]] = [(_("Account"), account)]
        if known is None:
            facts.append((_("Identity"), _("nothing is known")))
        else:
            facts += [
                (_("Date of birth"), cells.day(known.birth_on)),
                (_("Account of the guardian"), known.guardian_id or cells.NOTHING),
                (_("Verified by"), known.proof_issuer or _("nobody")),
            ]
        return draw(
            self.request,
            "detail",
            title=_("Account %(number)s") % {"number": account},
            eyebrow=_("Identity"),
            facts=facts,
        )


def _asked(page: VerbPage, verb: str, arguments: dict[str, Any], reason: str) -> str:
    approval = four_eyes.ask(page.request, verb, arguments, reason=reason, at=utc_now())
    page.say(_("A colleague was asked. It is done when they agree."))
    return reverse("console:access_approval_change", args=[approval.pk])
