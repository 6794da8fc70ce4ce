"""Addresses of a company; the organisation's code is in each."""

from django.urls import path

from tanpuhui.access.models import Organisation
from tanpuhui.web.company import (
    certificates,
    filings,
    money,
    reservations,
    trade,
    trade_auctions,
    trade_offers,
    trades,
    views,
    voluntary,
    years,
)
from tanpuhui.web.shared import disclosed, members, sponsor
from tanpuhui.web.shared.homes import homes_of

app_name = "company"
_OWN = "<slug:organisation>"
_YEAR = f"{_OWN}/offsets/<slug:place>/<int:year>"
_RESERVATION = f"{_OWN}/reservations/<int:reservation>"
_TRADE = f"{_OWN}/trade"
_PROPOSAL = f"{_TRADE}/proposals/<int:proposal>"
_AUCTION = f"{_TRADE}/auctions/<int:auction>"
urlpatterns = [
    path("", homes_of(Organisation.COMPANY), name="homes"),
    path(f"{_OWN}/", views.home, name="home"),
    path(f"{_OWN}/history/", views.history, name="history"),
    path(f"{_OWN}/offsets/", years.years, name="offsets"),
    path(f"{_YEAR}/", filings.year, name="year"),
    path(f"{_YEAR}/declare/", filings.declaration, name="declare"),
    path(f"{_RESERVATION}/surrender/", reservations.surrender, name="surrender"),
    path(f"{_RESERVATION}/release/", reservations.release, name="release"),
    path(f"{_RESERVATION}/replace/<str:lot>/", reservations.replace, name="replace"),
    path(f"{_OWN}/retire/", voluntary.retire, name="retire"),
    path(f"{_OWN}/certificates/", certificates.certificates, name="certificates"),
    path(f"{_TRADE}/", trade.home, name="trade"),
    path(f"{_TRADE}/listings/<int:listing>/take/", trade.take_listing, name="take"),
    path(f"{_TRADE}/buy/", trade.buy_best, name="buy"),
    path(f"{_TRADE}/bought/<uuid:key>/", trade.bought, name="bought"),
    path(f"{_TRADE}/offers/", trade_offers.offers, name="trade_offers"),
    path(f"{_TRADE}/offers/list/", trade_offers.list_for_all, name="list_units"),
    path(f"{_TRADE}/offers/propose/", trade_offers.propose_to_one, name="propose"),
    path(f"{_TRADE}/listings/<int:listing>/cancel/", trade_offers.cancel_listing, name="cancel_listing"),
    path(f"{_PROPOSAL}/cancel/", trade_offers.cancel_proposal, name="cancel_proposal"),
    path(f"{_PROPOSAL}/accept/", trade_offers.accept_proposal, name="accept_proposal"),
    path(f"{_PROPOSAL}/decline/", trade_offers.decline_proposal, name="decline_proposal"),
    path(f"{_TRADE}/auctions/", trade_auctions.auctions, name="trade_auctions"),
    path(f"{_AUCTION}/", trade_auctions.auction, name="trade_auction"),
    path(f"{_AUCTION}/bid/", trade_auctions.enter_bid, name="bid"),
    path(f"{_TRADE}/trades/", trades.trades, name="trades"),
    path(f"{_TRADE}/trades/<str:reference>/", trades.trade, name="trade_one"),
    path(f"{_TRADE}/money/", money.money, name="money"),
    path(f"{_TRADE}/money/withdraw/", money.withdraw_money, name="withdraw_money"),
    path(f"{_TRADE}/money/<int:withdrawal>/cancel/", money.cancel_payment, name="cancel_payment"),
    *disclosed.addresses(Organisation.COMPANY, "disclosed/"),
    *sponsor.addresses(Organisation.COMPANY),
    *members.addresses(Organisation.COMPANY),
]
