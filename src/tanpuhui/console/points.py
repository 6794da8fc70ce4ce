"""Points: sponsors with what they owe, offers, redemptions, settlements; opening and funding a sponsor, settling."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.admin import display
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.access.models import Organisation
from tanpuhui.close.installation import zone
from tanpuhui.console import cells, names
from tanpuhui.console.cells import Table
from tanpuhui.console.closes import trail
from tanpuhui.console.guard import ConsoleRequest, record
from tanpuhui.console.lists import Choices, ReadOnlyList, choice_filter
from tanpuhui.console.verb import VerbPage
from tanpuhui.copies import points_words as words
from tanpuhui.kit.moment import utc_now
from tanpuhui.money.amounts import DECIMALS, to_minor, to_text
from tanpuhui.points.balance import expiring
from tanpuhui.points.budget import funding_reference
from tanpuhui.points.models import Closing, Offer, Redemption, Settlement, Sponsor
from tanpuhui.points.redeem import state_of
from tanpuhui.points.refund import refunded
from tanpuhui.points.settle import SettleOrder, settle
from tanpuhui.points.sponsor import FundOrder, Liability, fund, fundings, get_sponsor, liability, open_sponsor
from tanpuhui.points.standing import standing

SHOWN = 20
_TONES = {"good": "good", "waiting": "busy", "bad": "bad", "plain": "plain"}


def money(amount_minor: int, currency: str) -> str:
    """An amount of money with its currency."""
    return f"{to_text(amount_minor, currency)} {currency}"


def offer_state(found: Offer) -> Any:
    """How an offer stands now."""
    now = utc_now()
    state = standing(found, at=now, day=timezone.localdate(now)).state
    return cells.state(_TONES[words.standing_tone(state)], words.standing_name(state))


def redemption_state(state: str) -> Any:
    """What became of a redemption."""
    return cells.state(_TONES[words.state_tone(state)], words.state_name(state))


def _owed(row: Any) -> Liability:
    """What a sponsor of a list owes; the ledger is asked once for its three columns."""
    if not hasattr(row, "owed_now"):
        row.owed_now = liability(row, at=utc_now())
    found: Liability = row.owed_now
    return found


def _kinds() -> Choices:
    return list(words.kinds().items())


def _sponsors() -> Choices:
    found = Sponsor.objects.select_related("organisation").order_by("code")
    return [(one.code, words.name_of(one.organisation)) for one in found]


class SponsorList(ReadOnlyList):
    heading = _l("Sponsors")
    says = _l("Organisations that fund points, and owe whoever holds them.")
    empty = _l("Nobody funds points yet.")
    place = "sponsors"
    list_display = ("name_", "value_", "outstanding_", "reserve_", "budget_", "opened_")
    search_fields = ("code", "organisation__name_zh", "organisation__name_en")
    search_help_text = _l("Code or name")
    ordering = ("code",)
    numbers = (1, 2, 3, 4)
    list_per_page = 20
    list_select_related = ("organisation",)
    exported: ClassVar = [
        ("sponsor", lambda row: row.code),
        ("currency", lambda row: row.currency),
        ("point_value", lambda row: to_text(row.point_value_minor, row.currency)),
        ("opened_at", lambda row: row.opened_at),
    ]

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        return [(_("Open a sponsor"), reverse("console:sponsor_open"))] if request.may_act else []

    @display(description=_l("Sponsor"), ordering="code")
    def name_(self, row: Sponsor) -> Any:
        return names.named(words.name_of(row.organisation), row.code)

    @display(description=_l("A point is worth"))
    def value_(self, row: Sponsor) -> str:
        return money(row.point_value_minor, row.currency)

    @display(description=_l("Points outstanding"))
    def outstanding_(self, row: Sponsor) -> str:
        return cells.count(_owed(row).outstanding_points)

    @display(description=_l("Reserved for them"))
    def reserve_(self, row: Sponsor) -> str:
        return money(_owed(row).reserve_minor, row.currency)

    @display(description=_l("Budget left"))
    def budget_(self, row: Sponsor) -> str:
        return money(_owed(row).budget_minor, row.currency)

    @display(description=_l("Since"), ordering="opened_at")
    def opened_(self, row: Sponsor) -> Any:
        return cells.moment(row.opened_at)

    def page(self, request: ConsoleRequest, found: Sponsor) -> dict[str, Any]:
        owed = liability(found, at=utc_now())
        months = [
            [month if month != "9999-12" else _("without an end"), cells.count(points)]
            for month, points in expiring(found, at=utc_now(), zone=zone())
        ]
        funded = [
            [
                cells.moment(one.at),
                money(one.amount_minor, found.currency),
                _("by the bank's statement") if one.by_bank else _("as the operator stated"),
            ]
            for one in fundings(found)[:SHOWN]
        ]
        covers = owed.reserve_minor == owed.outstanding_points * owed.point_value_minor
        return {
            "title": words.name_of(found.organisation),
            "eyebrow": _("Sponsor"),
            "facts": [
                (_("Points outstanding"), cells.count(owed.outstanding_points)),
                (_("With residents"), cells.count(owed.residents_points)),
                (_("With merchants"), cells.count(owed.merchants_points)),
                (_("Reserved for them"), money(owed.reserve_minor, found.currency)),
                (
                    _("Reserve"),
                    cells.state("good", _("covers all of it"))
                    if covers
                    else cells.state("bad", _("does not cover it")),
                ),
                (_("Budget left"), money(owed.budget_minor, found.currency)),
                (_("A point is worth"), money(found.point_value_minor, found.currency)),
                (_("Code of the organisation"), cells.code(found.code)),
                (_("Reference of its payments"), cells.code(funding_reference(found))),
            ],
            "tables": [
                Table(
                    [_("Month"), _("Points")],
                    months,
                    caption=_("What will be over"),
                    empty=_("Residents hold none of these points."),
                    numbers=(1,),
                ),
                Table(
                    [_("At"), _("Amount"), _("How")],
                    funded,
                    caption=_("Fundings"),
                    empty=_("No money came in yet."),
                    numbers=(1,),
                ),
                trail("sponsor", found.code),
            ],
            "tools": [(_("Fund"), reverse("console:sponsor_fund", args=[found.code]))]
            if request.may_act
            else [],
        }


class OfferList(ReadOnlyList):
    heading = _l("Offers")
    says = _l("What points are good for. What was published never changes.")
    empty = _l("No offer was published yet.")
    place = "offers"
    list_display = ("title_", "kind_", "giver_", "price_", "state_", "ends_")
    list_filter = (choice_filter(_l("kind"), "kind", _kinds),)
    search_fields = ("code", "title_zh", "title_en", "organisation__code")
    search_help_text = _l("Code, title or organisation")
    ordering = ("-id",)
    numbers = (3,)
    list_select_related = ("organisation", "sponsor__organisation")
    exported: ClassVar = [
        ("offer", lambda row: row.code),
        ("kind", lambda row: row.kind),
        ("organisation", lambda row: row.organisation.code),
        ("title_zh", lambda row: row.title_zh),
        ("title_en", lambda row: row.title_en),
        ("price_points", lambda row: row.price_points),
        ("stock", lambda row: row.stock),
        ("starts_at", lambda row: row.starts_at),
        ("ends_at", lambda row: row.ends_at),
    ]

    @display(description=_l("Offer"), ordering="code")
    def title_(self, row: Offer) -> Any:
        return names.named(words.title_of(row), row.code)

    @display(description=_l("Kind"), ordering="kind")
    def kind_(self, row: Offer) -> str:
        return words.kinds()[row.kind]

    @display(description=_l("Given by"), ordering="organisation__code")
    def giver_(self, row: Offer) -> Any:
        return words.name_of(row.organisation)

    @display(description=_l("Price in points"), ordering="price_points")
    def price_(self, row: Offer) -> str:
        return cells.count(row.price_points)

    @display(description=_l("State"))
    def state_(self, row: Offer) -> Any:
        return offer_state(row)

    @display(description=_l("Until"), ordering="ends_at")
    def ends_(self, row: Offer) -> Any:
        return cells.moment(row.ends_at)

    def page(self, request: ConsoleRequest, found: Offer) -> dict[str, Any]:
        del request
        now = utc_now()
        stands = standing(found, at=now, day=timezone.localdate(now))
        stop = getattr(found, "stop", None)
        terms = [
            [f"{one.least_kg} kg", _basis_points(one.rate_discount_bp), one.text_zh, one.text_en]
            for one in found.terms.order_by("least_kg")
        ]
        facts = [
            (_("State"), offer_state(found)),
            (_("Kind"), words.kinds()[found.kind]),
            (_("Given by"), names.named(words.name_of(found.organisation), found.organisation.code)),
            (_("Price in points"), cells.count(found.price_points)),
            (_("Left"), cells.count(stands.left)),
            (_("How many there are"), cells.count(found.stock)),
            (_("At most for one person"), cells.count(found.per_person)),
            (_("At most a day for one person"), cells.count(found.per_person_day)),
            (_("At most a day for everybody"), cells.count(found.per_day)),
            (_("From"), cells.moment(found.starts_at)),
            (_("Until"), cells.moment(found.ends_at)),
            (_("Points that a till may take without a network"), cells.count(found.offline_points)),
            (_("Title in Chinese"), found.title_zh),
            (_("What it is, in Chinese"), cells.words(found.text_zh)),
            (_("Title in English"), found.title_en),
            (_("What it is, in English"), cells.words(found.text_en)),
        ]
        if found.sponsor:
            facts.insert(3, (_("Whose points it takes"), words.name_of(found.sponsor.organisation)))
        if stop:
            facts.insert(1, (_("Why it was stopped"), stop.reason))
        headers = [_("From"), _("Percentage points off"), _("Terms in Chinese"), _("Terms in English")]
        tables = [Table(headers, terms, caption=_("Terms by tier"), numbers=(0, 1))] if terms else []
        return {
            "title": words.title_of(found),
            "eyebrow": _("Offer"),
            "facts": facts,
            "tables": [*tables, trail("offer", found.code)],
        }


def _basis_points(hundredths: int | None) -> str:
    return cells.NOTHING if hundredths is None else f"{hundredths // 100}.{hundredths % 100:02}"


class RedemptionList(ReadOnlyList):
    heading = _l("Redemptions")
    says = _l("What was asked for, and how it ended. Whose it is, is not shown here.")
    empty = _l("Nothing was redeemed yet.")
    place = "redemptions"
    list_display = ("number_", "offer_", "quantity_", "points_", "state_", "opened_", "ended_")
    search_fields = ("=id",)
    search_help_text = _l("Number")
    ordering = ("-id",)
    numbers = (2, 3)
    list_filter = (
        choice_filter(
            _l("how it ended"),
            "closing__state",
            lambda: [
                (state, words.state_name(state))
                for state in (Closing.CAPTURED, Closing.RELEASED, Closing.EXPIRED)
            ],
        ),
    )
    exported: ClassVar = [
        ("redemption", lambda row: row.pk),
        ("offer", lambda row: row.offer_code),
        ("quantity", lambda row: row.quantity),
        ("points", lambda row: row.points),
        ("state", state_of),
        ("opened_at", lambda row: row.opened_at),
    ]

    def get_queryset(self, request: Any) -> Any:
        """Redemptions with the code of their offer and how they ended."""
        code = Offer.objects.filter(pk=OuterRef("offer_id")).values("code")[:1]
        return super().get_queryset(request).select_related("closing").annotate(offer_code=Subquery(code))

    @display(description=_l("Number"), ordering="id")
    def number_(self, row: Redemption) -> int:
        return int(row.pk)

    @display(description=_l("Offer"))
    def offer_(self, row: Any) -> Any:
        return cells.link(cells.code(row.offer_code), "points_offer_change", row.offer_id)

    @display(description=_l("How many"), ordering="quantity")
    def quantity_(self, row: Redemption) -> str:
        return cells.count(row.quantity)

    @display(description=_l("Points"), ordering="points")
    def points_(self, row: Redemption) -> str:
        return cells.count(row.points)

    @display(description=_l("State"))
    def state_(self, row: Redemption) -> Any:
        return redemption_state(state_of(row))

    @display(description=_l("Asked at"), ordering="opened_at")
    def opened_(self, row: Redemption) -> Any:
        return cells.moment(row.opened_at)

    @display(description=_l("Ended at"))
    def ended_(self, row: Redemption) -> Any:
        closing = getattr(row, "closing", None)
        return cells.moment(closing.at if closing else None)

    def page(self, request: ConsoleRequest, found: Any) -> dict[str, Any]:
        del request
        closing = getattr(found, "closing", None)
        refunds = [
            [cells.moment(one.at), cells.count(one.points), one.reason]
            for one in found.refunds.order_by("id")
        ]
        facts = [
            (_("State"), redemption_state(state_of(found))),
            (_("Offer"), self.offer_(found)),
            (_("How many"), cells.count(found.quantity)),
            (_("Points"), cells.count(found.points)),
            (_("Asked at"), cells.moment(found.opened_at)),
            (_("Good until"), cells.moment(found.good_until)),
            (_("Points are held until"), cells.moment(found.expires_at)),
        ]
        if closing:
            facts += [
                (_("Ended at"), cells.moment(closing.at)),
                (_("Points taken"), cells.count(closing.points)),
                (_("Went back"), cells.count(refunded(found.pk))),
            ]
        if found.refusal:
            facts.append((_("Why it was refused"), cells.code(found.refusal["code"])))
        return {
            "title": f"{_('Redemption')} {found.pk}",
            "eyebrow": _("Redemption"),
            "facts": facts,
            "tables": [
                Table(
                    [_("At"), _("Points"), _("Reason")],
                    refunds,
                    caption=_("Refunds"),
                    empty=_("Nothing went back."),
                    numbers=(1,),
                ),
                trail("redemption", str(found.pk)),
            ],
        }


class SettlementList(ReadOnlyList):
    heading = _l("Settlements")
    says = _l(
        "What sponsors owe organisations for points they took, and whether a bank said that it was paid."
    )
    empty = _l("No settlement was made yet.")
    place = "settlements"
    list_display = ("reference_", "giver_", "sponsor_", "points_", "amount_", "paid_", "at_")
    list_filter = (choice_filter(_l("sponsor"), "sponsor", _sponsors, "sponsor__code"),)
    search_fields = ("reference", "organisation__code", "organisation__name_zh", "organisation__name_en")
    search_help_text = _l("Reference or organisation")
    ordering = ("-id",)
    numbers = (3, 4)
    list_select_related = ("organisation", "sponsor__organisation", "payment__line")
    exported: ClassVar = [
        ("settlement", lambda row: row.reference),
        ("organisation", lambda row: row.organisation.code),
        ("sponsor", lambda row: row.sponsor.code),
        ("points", lambda row: row.points),
        ("amount", lambda row: to_text(row.amount_minor, row.currency)),
        ("currency", lambda row: row.currency),
        ("through_at", lambda row: row.through_at),
        ("paid", lambda row: hasattr(row, "payment")),
    ]

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        return [(_("Settle"), reverse("console:settle"))] if request.may_act else []

    @display(description=_l("Reference"), ordering="reference")
    def reference_(self, row: Settlement) -> str:
        return row.reference

    @display(description=_l("Organisation"), ordering="organisation__code")
    def giver_(self, row: Settlement) -> Any:
        return words.name_of(row.organisation)

    @display(description=_l("Sponsor"), ordering="sponsor__code")
    def sponsor_(self, row: Settlement) -> Any:
        return words.name_of(row.sponsor.organisation)

    @display(description=_l("Points"), ordering="points")
    def points_(self, row: Settlement) -> str:
        return cells.count(row.points)

    @display(description=_l("Amount"), ordering="amount_minor")
    def amount_(self, row: Settlement) -> str:
        return money(row.amount_minor, row.currency)

    @display(description=_l("Paid"))
    def paid_(self, row: Settlement) -> Any:
        payment = getattr(row, "payment", None)
        return cells.day(payment.line.booked_on) if payment else cells.state("busy", _("to be paid"))

    @display(description=_l("Made at"), ordering="at")
    def at_(self, row: Settlement) -> Any:
        return cells.moment(row.at)

    def page(self, request: ConsoleRequest, found: Settlement) -> dict[str, Any]:
        del request
        rows = [
            [
                cells.moment(one.booked_at),
                cells.link(one.redemption_id, "points_redemption_change", one.redemption_id),
                cells.count(one.points),
                money(one.amount_minor, found.currency),
            ]
            for one in found.lines.order_by("id")[:SHOWN]
        ]
        return {
            "title": found.reference,
            "eyebrow": _("Settlement"),
            "facts": [
                (_("Paid"), self.paid_(found)),
                (_("Amount"), money(found.amount_minor, found.currency)),
                (_("Points"), cells.count(found.points)),
                (_("Lines"), cells.count(found.lines_count)),
                (_("Organisation"), names.named(words.name_of(found.organisation), found.organisation.code)),
                (_("Sponsor"), names.named(words.name_of(found.sponsor.organisation), found.sponsor.code)),
                (_("Through"), cells.moment(found.through_at)),
                (_("Made at"), cells.moment(found.at)),
            ],
            "tables": [
                Table(
                    [_("At"), _("Redemption"), _("Points"), _("Amount")],
                    rows,
                    caption=_("First lines"),
                    numbers=(2, 3),
                ),
                trail("settlement", found.reference),
            ],
        }


def _amount() -> forms.RegexField:
    return forms.RegexField(
        regex=r"\A[0-9]{1,15}(\.[0-9]{1,3})?\Z",
        label=_l("Amount"),
        help_text=_l("A plain decimal, such as 12.50."),
        max_length=20,
    )


class OpenForm(forms.Form):
    """Who funds points, and what one is worth, for good."""

    organisation = forms.ChoiceField(label=_l("Organisation"))
    currency = forms.ChoiceField(label=_l("Currency"), choices=[(one, one) for one in DECIMALS])
    point_value = _amount()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        known = Organisation.objects.filter(sponsor__isnull=True).order_by("code")
        choice = self.fields["organisation"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(one.code, f"{words.name_of(one)} {one.code}") for one in known]
        self.fields["point_value"].label = _l("A point is worth")


class OpenSponsor(VerbPage):
    title = _l("Open a sponsor")
    says = _l("The organisation may fund points from now on. What a point is worth stays as it is, for good.")
    button = _l("Open")
    form_class = OpenForm

    def do(self, form: Any, **named: Any) -> str:
        given, at = form.cleaned_data, utc_now()
        value = to_minor(given["point_value"], given["currency"])
        made = open_sponsor(given["organisation"], currency=given["currency"], point_value_minor=value, at=at)
        facts = {"currency": made.currency, "point_value_minor": value}
        record(
            self.request, "sponsor.opened", at=at, object_kind="sponsor", object_key=made.code, facts=facts
        )
        self.say(_("The sponsor is open."))
        return reverse("console:points_sponsor_change", args=[made.pk])


class FundForm(forms.Form):
    """Money that came in, under the reference by which the bank knows it."""

    amount = _amount()
    reference = forms.CharField(
        label=_l("The bank's reference"),
        help_text=_l("It names the payment: the same reference again enters nothing more."),
        max_length=100,
    )


class FundSponsor(VerbPage):
    title = _l("Fund a sponsor")
    says = _l("Money that came in for its budget is entered, once for each reference of the bank.")
    button = _l("Enter")
    form_class = FundForm

    def facts(self, *, sponsor: str) -> list[tuple[Any, Any]]:
        found = get_sponsor(sponsor)
        owed = liability(found, at=utc_now())
        return [
            (_("Sponsor"), names.named(words.name_of(found.organisation), found.code)),
            (_("Currency"), found.currency),
            (_("Budget left"), money(owed.budget_minor, found.currency)),
        ]

    def do(self, form: Any, *, sponsor: str) -> str:
        found, given, at = get_sponsor(sponsor), form.cleaned_data, utc_now()
        key = f"console:fund:{found.code}:{given['reference']}"
        order = FundOrder(key, found.code, given["amount"], found.currency, given["reference"])
        answer = fund(order, at=at)
        answer.accepted()
        if not answer.repeated:
            facts = {"amount": given["amount"], "currency": found.currency, "reference": given["reference"]}
            record(
                self.request,
                "sponsor.funded",
                at=at,
                object_kind="sponsor",
                object_key=found.code,
                facts=facts,
            )
        self.say(_("The money is entered."))
        return reverse("console:points_sponsor_change", args=[found.pk])


class SettleForm(forms.Form):
    """Between whom, through the moment that the form was shown."""

    organisation = forms.ChoiceField(label=_l("Organisation"))
    sponsor = forms.ChoiceField(label=_l("Sponsor"))
    through = forms.DateTimeField(widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        givers = Organisation.objects.filter(offers__isnull=False).distinct().order_by("code")
        for name, choices in (
            ("organisation", [(one.code, f"{words.name_of(one)} {one.code}") for one in givers]),
            ("sponsor", list(_sponsors())),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices


class Settle(VerbPage):
    title = _l("Settle")
    says = _l(
        "Every capture and refund that no settlement has becomes one, and the money is owed from then on."
    )
    button = _l("Settle")
    form_class = SettleForm

    def initial(self, **named: Any) -> dict[str, Any]:
        return {"through": utc_now().isoformat()}

    def do(self, form: Any, **named: Any) -> str:
        given, at = form.cleaned_data, utc_now()
        through = min(given["through"], at)
        key = f"console:settle:{given['organisation']}:{given['sponsor']}:{given['through'].isoformat()}"
        answer = settle(SettleOrder(key, given["organisation"], given["sponsor"], through), at=at)
        reference = answer.accepted()["settlement"]
        if not answer.repeated:
            record(self.request, "settlement.made", at=at, object_kind="settlement", object_key=reference)
        self.say(_("The settlement is made."))
        made = Settlement.objects.get(reference=reference)
        return reverse("console:points_settlement_change", args=[made.pk])
