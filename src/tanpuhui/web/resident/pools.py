"""Pools: what somebody lent to be sold, who bought it and what it was used for; joining, changing terms, leaving."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tanpuhui.access.audit import record
from tanpuhui.consent.policy import Notice, policy
from tanpuhui.consent.show import guardian_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.movements import holdings
from tanpuhui.money.account import money_of, resident_money_account
from tanpuhui.money.amounts import to_text
from tanpuhui.pooling.join import Membership, change_terms, join, leave, membership
from tanpuhui.pooling.mine import MyShare, shares_of
from tanpuhui.pooling.models import POINTS, Pool
from tanpuhui.pooling.pool import PURPOSE, get_pool, is_named, pools
from tanpuhui.pooling.report import vintages_there_are
from tanpuhui.pooling.where_used import Use
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.web.resident.notice import lines_of
from tanpuhui.web.resident.pool_forms import ALL, CHOSEN, JoinForm, TermsForm, currency_name
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current

METHOD = "web"


@resident_page
def pools_page(request: HttpRequest) -> HttpResponse:
    """Every pool with how one stands to it, one's money, and every share with what became of it."""
    account, now = cast(ResidentRequest, request).account, utc_now()
    shares = shares_of(account)
    context = {
        "pools": [
            {"pool": pool, "membership": present}
            for pool in pools()
            if (present := membership(account, pool, at=now)) is not None or is_named(pool)
        ],
        "certified_mg": holdings(connection, account).certified_mg,
        "on_sale_mg": sum(share.on_sale_mg for share in shares),
        "sold_mg": sum(share.sold_mg for share in shares),
        "money": money_of(resident_money_account(account)),
        "shares": [_share(share) for share in shares],
    }
    return render(request, "resident/pools.html", context)


@resident_page
def pool_page(request: HttpRequest, pool: str) -> HttpResponseBase:
    """One pool: the notice, one's terms, the way in and the way out."""
    account, now = cast(ResidentRequest, request).account, utc_now()
    try:
        found = get_pool(pool)
    except Refusal:
        raise Http404 from None
    present = membership(account, found, at=now)
    if present is None and not is_named(found):
        raise Http404
    verb = request.POST.get("do", "") if request.method == "POST" else ""
    form = _form(request, found, present, verb)
    refused, status = "", 200
    if verb in ("join", "change") and not (form and form.is_valid()):
        status = 422
    elif verb:
        try:
            _do(request, account, found, verb, form)
        except Refusal as refusal:
            refused, status = text_of(refusal), status_of(refusal)
        else:
            return redirect("resident:pool", pool=found.code)
    notice = _notice(found) if is_named(found) else None
    context = {
        "pool": found,
        "membership": present,
        "in_points": found.pays == POINTS,
        "point_value": _point_value(found),
        "form": form,
        "may_join": present is None
        and notice is not None
        and guardian_of(account, on=timezone.localdate()) is None,
        "notice": lines_of(notice) if notice else None,
        "shares": [_share(share) for share in shares_of(account, pool=found.pk)],
        "refused": refused,
    }
    return render(request, "resident/pool.html", context, status=status)


def _form(request: HttpRequest, pool: Pool, present: Membership | None, verb: str) -> TermsForm | None:
    """The form to join by, or to change terms with; nothing where nobody can agree any more."""
    years = sorted({*vintages_there_are(pool), timezone.localdate().year})
    given: dict[str, Any] = {"currency": pool.currency, "years": years}
    if present is not None:
        terms = present.terms
        initial: dict[str, Any] = {"which": ALL}
        if terms is not None:
            initial = {
                "min_price": to_text(terms.min_price_minor, pool.currency),
                "which": CHOSEN if terms.vintages else ALL,
                "vintages": terms.vintages or [],
            }
            given["years"] = sorted({*years, *(terms.vintages or [])})
        return TermsForm(request.POST if verb == "change" else None, initial=initial, **given)
    if not is_named(pool):
        return None
    name = pool.organisation.name(get_language() or "")
    return JoinForm(request.POST if verb == "join" else None, digest=_notice(pool).digest, name=name, **given)


def _do(request: HttpRequest, account: int, pool: Pool, verb: str, form: TermsForm | None) -> None:
    now = utc_now()
    facts: dict[str, Any] = {"pool": pool.code}
    with transaction.atomic():
        if verb == "join" and isinstance(form, JoinForm):
            terms = join(account, pool, form.wish(), at=now, lang=_lang(), method=METHOD)
            facts |= {"grant": terms.grant_id}
            messages.success(
                request, _("You are in the pool. You can change your terms or leave at any time.")
            )
        elif verb == "change" and form is not None:
            terms = change_terms(account, pool, form.wish(), at=now)
            facts |= {"grant": terms.grant_id}
            messages.success(request, _("Your terms are changed. They count for rounds from now on."))
        elif verb == "leave":
            leave(account, pool, at=now, method=METHOD)
            messages.success(
                request,
                _(
                    "You left the pool. What is on sale and is not sold comes back to you when its round ends."
                ),
            )
        else:
            raise BadRequest
        record(
            f"{verb}_pool",
            who=cast(ResidentRequest, request).user,
            at=now,
            object_kind="account",
            object_key=account,
            facts=facts,
            request_id=current(),
        )


def _notice(pool: Pool) -> Notice:
    rules = policy()
    return rules.notice(rules.purpose(PURPOSE), _lang(), rules.parties[pool.code])


def _lang() -> str:
    return "zh" if (get_language() or "").startswith("zh") else "en"


def _point_value(pool: Pool) -> str:
    """What one of the points is worth that a pool pays with."""
    if pool.sponsor is None:
        return ""
    return f"{to_text(pool.sponsor.point_value_minor, pool.currency)} {currency_name(pool.currency)}"


def _share(share: MyShare) -> dict[str, Any]:
    return {
        "share": share,
        "sold": [
            {"sold": one, "uses": [{"use": use, "text": use_text(use)} for use in one.uses]}
            for one in share.sold
        ],
    }


def use_text(use: Use) -> str:
    """What became of a range of tonnes, in a sentence."""
    language = get_language() or ""
    company = use.company.name(language) if use.company else ""
    if use.is_surrendered:
        place = load_jurisdiction(use.said["jurisdiction"]).title[_lang()]
        return _("{company} used it against its emissions of {year}, under the rules of {place}.").format(
            company=company, year=use.said.get("year", ""), place=place
        )
    if use.is_retired:
        whom, what = use.said.get("beneficiary", ""), use.said.get("purpose", "")
        if whom and what:
            return _("{company} gave it up for good, for {beneficiary}: {purpose}.").format(
                company=company, beneficiary=whom, purpose=what
            )
        return _("{company} gave it up for good.").format(company=company)
    if use.is_cancelled:
        return _("It was taken out of circulation: its lot turned out to be wrong.")
    if use.state == "locked":
        return _("{company} has set it aside and has not used it yet.").format(company=company)
    return _("{company} has it and has not used it yet.").format(company=company)
