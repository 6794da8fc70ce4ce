"""Offering: an organisation's offers: the list, a form that shows the offer before it is published, and stopping one.

An audience adds them with ``*offering.addresses(Organisation.BANK)`` in its ``urls.py`` and a tab in its frame.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.forms import BaseFormSet, formset_factory
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_POST

from tanpuhui.access.audit import record
from tanpuhui.access.models import Membership, Organisation
from tanpuhui.copies.points_words import kinds, name_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.points.models import Offer, Sponsor
from tanpuhui.points.offer import OfferOrder, TermsOf, publish, stop
from tanpuhui.points.standing import standing, standings
from tanpuhui.web.shared.access import MemberRequest, organisation_page, own_or_404
from tanpuhui.web.shared.members import frame_of
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current

#: Who does the work; an auditor looks on.
DOERS = (Membership.ADMIN, Membership.MEMBER)
#: What these pages can see to its end: a merchant has a till, a bank has applications.
KINDS_OF = {
    Organisation.MERCHANT: (Offer.DISCOUNT, Offer.PUBLIC_SERVICE, Offer.DONATION),
    Organisation.BANK: (Offer.FINANCIAL,),
}
PER_PAGE = 30
MOST = 10**12
MOST_TIERS = 8


class _When(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


def _limit(label: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=1, max_value=MOST)


class OfferForm(forms.Form):
    """An offer, in both languages; a limit that is left out is none."""

    kind = forms.ChoiceField(label=_l("Kind"), widget=forms.RadioSelect)
    title_zh = forms.CharField(label=_l("Title in Chinese"), max_length=80)
    title_en = forms.CharField(label=_l("Title in English"), max_length=80)
    text_zh = forms.CharField(
        label=_l("What it is, in Chinese"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 3})
    )
    text_en = forms.CharField(
        label=_l("What it is, in English"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 3})
    )
    sponsor = forms.ChoiceField(
        label=_l("Whose points it takes"), help_text=_l("Who funds these points also pays you for them.")
    )
    price_points = forms.IntegerField(
        label=_l("Price in points"), help_text=_l("Of a donation: 1."), min_value=1, max_value=MOST
    )
    starts_at = forms.DateTimeField(label=_l("From"), widget=_When())
    ends_at = forms.DateTimeField(label=_l("Until"), widget=_When())
    stock = _limit(_l("How many there are"))
    per_person = _limit(_l("At most for one person"))
    per_person_day = _limit(_l("At most a day for one person"))
    per_day = _limit(_l("At most a day for everybody"))
    code_minutes = forms.IntegerField(
        label=_l("Minutes that a code is good"), min_value=1, max_value=31 * 24 * 60, initial=15
    )
    offline_points = forms.IntegerField(
        label=_l("Points that a till may take without a network"),
        help_text=_l("For each code; 0 is never. Two tills that take the same code are paid once."),
        min_value=0,
        max_value=MOST,
        initial=0,
    )
    offline_hours = forms.IntegerField(
        label=_l("Hours that a code taken without a network has to arrive"),
        help_text=_l("Points stay held so long, and the person cannot cancel meanwhile."),
        min_value=0,
        max_value=24 * 7,
        initial=24,
    )
    code = forms.SlugField(
        label=_l("Name in addresses"),
        help_text=_l("Small letters, digits and hyphens; it names the offer for good."),
        max_length=60,
    )

    def __init__(self, *arguments: Any, organisation: Organisation, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.organisation = organisation
        names = kinds()
        offered = KINDS_OF[organisation.kind]
        self._choose("kind", [(kind, names[kind]) for kind in offered])
        sponsors = Sponsor.objects.select_related("organisation").order_by("code")
        self._choose("sponsor", [(one.code, name_of(one.organisation)) for one in sponsors])
        self.is_financial = offered == (Offer.FINANCIAL,)
        if self.is_financial:
            for name in ("offline_points", "offline_hours", "per_person_day", "per_day", "price_points"):
                del self.fields[name]
            del self.fields["sponsor"]
            self.fields["code_minutes"].label = _l("Minutes in which you answer an application")
            self.fields["code_minutes"].initial = 14 * 24 * 60

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        if len(choices) == 1:
            field.widget = forms.HiddenInput()
            field.initial = choices[0][0]

    def clean_ends_at(self) -> datetime:
        ends_at: datetime = self.cleaned_data["ends_at"]
        starts_at = self.cleaned_data.get("starts_at")
        if starts_at and ends_at <= starts_at:
            raise forms.ValidationError(_("Let it end after it begins."))
        if ends_at <= utc_now():
            raise forms.ValidationError(_("Let it end in the future."))
        return ends_at

    def order(self, terms: tuple[TermsOf, ...]) -> OfferOrder:
        """What is published."""
        given = dict(self.cleaned_data)
        minutes, hours = given.pop("code_minutes"), given.pop("offline_hours", 0)
        if not given.get("offline_points"):
            hours = 0
        return OfferOrder(
            **{"sponsor": None, "price_points": 0, **given},
            organisation=self.organisation.code,
            code_s=minutes * 60,
            offline_s=hours * 3_600,
            terms=terms,
        )


class TierForm(forms.Form):
    """What a tier gets; everybody in it the same."""

    least_kg = forms.IntegerField(label=_l("From how many kilograms on"), min_value=0, max_value=10**9)
    rate = forms.DecimalField(
        label=_l("Percentage points off the yearly rate"),
        required=False,
        min_value=0,
        max_value=100,
        decimal_places=2,
    )
    text_zh = forms.CharField(label=_l("Terms in Chinese"), max_length=500)
    text_en = forms.CharField(label=_l("Terms in English"), max_length=500)


class StopForm(forms.Form):
    """Why it ends before its date; it is shown to nobody but you and the operator."""

    reason = forms.CharField(
        label=_l("Reason"),
        help_text=_l("Kept with the record. Name no person."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def addresses(kind: str) -> list[URLPattern]:
    """The addresses of offers for one kind of organisation; an auditor looks at them and changes nothing."""
    anybody, doers = organisation_page(kind), organisation_page(kind, *DOERS)
    return [
        path("<slug:organisation>/offers/", anybody(offers), name="offers"),
        path("<slug:organisation>/offers/new/", doers(new_offer), name="new_offer"),
        path("<slug:organisation>/offers/<slug:offer>/", anybody(offer), name="offer"),
        path(
            "<slug:organisation>/offers/<slug:offer>/stop/",
            doers(require_POST(stop_offer)),
            name="stop_offer",
        ),
    ]


def offers(request: HttpRequest) -> HttpResponse:
    """Every offer of this organisation, the newest first, with how it stands."""
    mine = cast(MemberRequest, request)
    now = utc_now()
    found = Offer.objects.filter(organisation=mine.organisation).order_by("-id")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "frame": frame_of(mine.organisation),
        "page": page,
        "offers": standings(page, at=now, day=timezone.localdate(now)),
        "may_act": mine.membership.role in DOERS,
    }
    return render(request, "shared/offers.html", context)


def offer(request: HttpRequest, offer: str) -> HttpResponse:
    """One offer as it was published."""
    return _offer_page(request, offer, StopForm(), 200)


def stop_offer(request: HttpRequest, offer: str) -> HttpResponseBase:
    """Stop it: no new redemption begins, and codes that were given stay good."""
    mine = cast(MemberRequest, request)
    found = own_or_404(Offer.objects.filter(organisation=mine.organisation), code=offer)
    form = StopForm(request.POST)
    if not form.is_valid():
        return _offer_page(request, offer, form, 422)
    now = utc_now()
    with transaction.atomic():
        stop(found.code, reason=form.cleaned_data["reason"], at=now)
        _note(mine, "offer.stopped", found.code, reason=form.cleaned_data["reason"], at=now)
    messages.success(request, _("The offer is stopped. Codes that were given stay good."))
    return redirect(f"{mine.organisation.kind}:offer", mine.organisation.code, found.code)


def new_offer(request: HttpRequest) -> HttpResponseBase:
    """Fill in, see it as residents will, and publish. Until then nothing is kept."""
    mine = cast(MemberRequest, request)
    given = request.POST if request.method == "POST" else None
    form = OfferForm(given, organisation=mine.organisation, initial=_begin(mine.organisation))
    tiers = _tier_forms(given) if form.is_financial else None
    context: dict[str, Any] = {"frame": frame_of(mine.organisation), "form": form, "tiers": tiers}
    status = 200
    if form.is_bound and form.is_valid() and (tiers is None or tiers.is_valid()):
        try:
            with transaction.atomic():
                made = publish(form.order(_terms(tiers)), at=utc_now())
                if request.POST.get("do") != "publish":
                    context["preview"] = _preview(made)
                    transaction.set_rollback(True)
                else:
                    _note(mine, "offer.published", made.code, at=utc_now())
        except Refusal as refusal:
            form.add_error(None, text_of(refusal))
            status = status_of(refusal)
        else:
            if "preview" not in context:
                messages.success(request, _("The offer is published."))
                return redirect(f"{mine.organisation.kind}:offer", mine.organisation.code, made.code)
    elif form.is_bound:
        status = 422
    return render(request, "shared/new_offer.html", context, status=status)


def _preview(made: Offer) -> dict[str, Any]:
    now = utc_now()
    return {
        "standing": standing(made, at=now, day=timezone.localdate(now)),
        "terms": list(made.terms.order_by("least_kg")),
    }


def _offer_page(request: HttpRequest, code: str, form: StopForm, status: int) -> HttpResponse:
    mine = cast(MemberRequest, request)
    known = Offer.objects.filter(organisation=mine.organisation).select_related(
        "stop", "organisation", "sponsor__organisation"
    )
    found = own_or_404(known, code=code)
    now = utc_now()
    stands = standing(found, at=now, day=timezone.localdate(now))
    context = {
        "frame": frame_of(mine.organisation),
        "offer": found,
        "standing": stands,
        "terms": list(found.terms.order_by("least_kg")),
        "stop": getattr(found, "stop", None),
        "form": form,
        "may_stop": mine.membership.role in DOERS and not hasattr(found, "stop") and now < found.ends_at,
    }
    return render(request, "shared/offer.html", context, status=status)


def _tier_forms(given: Any) -> BaseFormSet[TierForm]:
    made = formset_factory(
        TierForm, extra=3, max_num=MOST_TIERS, validate_max=True, min_num=1, validate_min=True
    )
    return made(given, prefix="tier")


def _terms(tiers: BaseFormSet[TierForm] | None) -> tuple[TermsOf, ...]:
    rows = [one.cleaned_data for one in tiers or () if one.cleaned_data]
    return tuple(
        TermsOf(
            least_kg=row["least_kg"],
            text_zh=row["text_zh"],
            text_en=row["text_en"],
            rate_discount_bp=int(row["rate"] * 100) if row["rate"] else None,
        )
        for row in rows
    )


def _begin(organisation: Organisation) -> dict[str, Any]:
    """A free name, and dates of a month from the next full hour on."""
    start = timezone.localtime().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    number = Offer.objects.filter(organisation=organisation).count() + 1
    return {
        "code": f"{organisation.code[:50]}-{number}",
        "kind": KINDS_OF[organisation.kind][0],
        "starts_at": start,
        "ends_at": start + timedelta(days=30),
    }


def _note(mine: MemberRequest, verb: str, code: str, *, at: datetime, reason: str = "") -> None:
    record(
        verb,
        who=mine.user,
        at=at,
        organisation=mine.organisation,
        object_kind="offer",
        object_key=code,
        reason=reason,
        request_id=current(),
    )
