"""Market as a page: what settled trades cost on each day, as a picture, a table and a file; who traded is not there."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from tanpuhui.close.installation import jurisdiction
from tanpuhui.copies.market_words import reference_name
from tanpuhui.kit.moment import utc_now
from tanpuhui.market.control import band
from tanpuhui.market.prices import DayPrices, as_csv, day_prices
from tanpuhui.market.refusals import NoMarket
from tanpuhui.market.rule import MarketRule, market_rule
from tanpuhui.money.amounts import DECIMALS
from tanpuhui.web.public.picture import svg_response
from tanpuhui.web.public.price_chart import prices_by_day

#: Days with trades that the page and the picture show; the file has all.
SHOWN = 60
LANGUAGES = dict(settings.LANGUAGES)
WIDTHS = ("wide", "narrow")


def page(request: HttpRequest) -> HttpResponse:
    """Prices of this place's units, the newest day first, and today's band."""
    place = jurisdiction()
    rule = _rule()
    context: dict[str, Any] = {
        "place": place,
        "rows": day_prices(place.code)[-SHOWN:][::-1],
        "rule": rule,
        "band": _band(rule),
    }
    return render(request, "public/market.html", context)


def prices(request: HttpRequest) -> HttpResponse:
    """Every day with trades, oldest first, as CSV."""
    del request
    code = jurisdiction().code
    answer = HttpResponse(as_csv(day_prices(code)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="prices-{code}.csv"'
    answer["Cache-Control"] = "public, max-age=60"
    return answer


def chart(request: HttpRequest, language: str, width: str) -> HttpResponse:
    """The picture of the last days, in one language, for a wide screen or a narrow one."""
    rows = day_prices(jurisdiction().code)[-SHOWN:]
    if not rows or language not in LANGUAGES or width not in WIDTHS:
        raise Http404
    # One currency a picture: the newest day's.
    currency = rows[-1].currency
    shown = [one for one in rows if one.currency == currency]
    with translation.override(language):
        days = [date_format(one.day, "MONTH_DAY_FORMAT") for one in shown]
        axis = _("price of a tonne, {currency}").format(currency=currency)
        title = _("Weighted average price of a tonne by day")
    numbers = [_numbers(one) for one in shown]
    shows = ["prices", width, days, numbers, axis, title]
    places = DECIMALS[currency]
    return svg_response(
        request,
        shows,
        lambda: prices_by_day(
            days, numbers, places=places, axis=axis, title=title, is_narrow=width == "narrow"
        ),
    )


def _numbers(one: DayPrices) -> tuple[int, int, int]:
    return one.low_minor, one.average_minor, one.high_minor


def _rule() -> MarketRule | None:
    try:
        return market_rule(jurisdiction(), utc_now())
    except NoMarket:
        return None


def _band(rule: MarketRule | None) -> dict[str, Any] | None:
    """Today's lowest and highest price of a listing, and what they are measured from."""
    found = band(rule, jurisdiction().code) if rule else None
    if rule is None or found is None:
        return None
    reference, lowest, highest = found
    return {
        "lowest_minor": max(lowest, 0),
        "highest_minor": highest,
        "reference": reference.text(rule.currency),
        "of": reference_name(reference.of),
    }
