"""What the market says no to, and what to do then."""

from __future__ import annotations

from typing import Any

from tanpuhui.kit.refusal import Refusal
from tanpuhui.money.refusals import refusal_from as money_refusal


class KeyReused(Refusal):
    code = "market.key_reused"
    message = "The key {key} was used before for other content. Give new content a new key."


class NoMarket(Refusal):
    code = "market.no_market"
    message = (
        "{jurisdiction} has no rule on {day} by which units are traded. "
        "Wait for one, or look at its rules with 'tanpuhui jurisdiction show {jurisdiction}'."
    )
    on_page = (
        "{jurisdiction} has no rule on {day} by which units are traded. Wait for one; its page has the rules "
        "that there are."
    )


class UnknownOrganisation(Refusal):
    code = "market.unknown_organisation"
    message = "There is no organisation {organisation!r}. The console lists organisations."


class NotAMember(Refusal):
    code = "market.not_a_member"
    message = "{organisation} may not trade here. Ask the operator to admit it ('tanpuhui market admit')."
    on_page = "{organisation} may not trade here. Ask the operator to admit it."


class Suspended(Refusal):
    code = "market.suspended"
    message = "{organisation} is suspended since {day}: {reason}. Wait until the operator admits it again."


class ReasonMissing(Refusal):
    code = "market.reason_missing"
    message = "Whoever does this says why. Give a reason."


class SelfTrade(Refusal):
    code = "market.self_trade"
    message = (
        "{buyer} and {seller} are one organisation or one group, and may not trade with each other. "
        "Choose what somebody else offers."
    )


class BadTonnes(Refusal):
    code = "market.bad_tonnes"
    message = "{tonnes} t cannot be traded. Give whole tonnes, from 1 to {most}."


class LotUnknown(Refusal):
    code = "market.lot_unknown"
    message = "There is no lot {lot!r}. 'tanpuhui lot show' lists them."
    on_page = "There is no lot {lot!r}. Choose one from the list of lots."


class LotAnnulled(Refusal):
    code = "market.lot_annulled"
    message = "Lot {lot} was annulled, and nothing of it is traded any more. Choose another lot."


class UnitsNotFree(Refusal):
    code = "market.units_not_free"
    message = (
        "{seller} has {free_t} t of lot {lot} free, and {wanted_t} t were asked for; {locked_t} t are locked, "
        "{retired_t} t retired, {cancelled_t} t cancelled. Offer what is free at most, or cancel what locks them."
    )


class UnitsGone(Refusal):
    code = "market.units_gone"
    message = (
        "The units of {what} are not locked for it any more: lot {lot} was annulled. Choose something else."
    )


class OtherCurrency(Refusal):
    code = "market.other_currency"
    message = "Prices here are in {currency}, and {given} was given. Give the price in {currency}."


class OffTick(Refusal):
    code = "market.off_tick"
    message = "{price} {currency} is not a whole number of ticks of {tick} {currency}. Give {below} or {above} instead."


class OutsideBand(Refusal):
    code = "market.outside_band"
    message = (
        "{price} {currency} is outside of {lowest} to {highest} {currency}, which is {band} % either way of "
        "{reference} ({reference_of}; {rule}). Give a price within."
    )


class OrderTooLarge(Refusal):
    code = "market.order_too_large"
    message = "{tonnes} t are more than the {most} t of one order ({rule}). Order less."


class AmountTooLarge(Refusal):
    code = "market.amount_too_large"
    message = "{tonnes} t at {price} {currency} are more than can be paid at once. Give a smaller order."


class PositionTooLarge(Refusal):
    code = "market.position_too_large"
    message = (
        "{buyer} has {held_t} t and {ordered_t} t on order, and {wanted_t} t more are over the {most_t} t that one "
        "member may have ({rule}). Order {left_t} t at most, or use some first."
    )


class UnknownListing(Refusal):
    code = "market.unknown_listing"
    message = "There is no listing {listing}. 'tanpuhui market listings' lists them."
    on_page = "There is no listing {listing}. Choose one from the list of listings."


class ListingOver(Refusal):
    code = "market.listing_over"
    message = "The listing {listing} is {outcome} since {at}. Choose another one."


class MoreThanListed(Refusal):
    code = "market.more_than_listed"
    message = (
        "Of the listing {listing} {left_t} t are left, and {wanted_t} t were asked for. "
        "Ask for that many at most."
    )


class NotYours(Refusal):
    code = "market.not_yours"
    message = "{what} is not of {organisation}. Only who it is of, or for, can do this."


class UnknownKind(Refusal):
    code = "market.unknown_kind"
    message = "{kind!r} is nothing that can be cancelled. Name a listing, a proposal or an auction."


class NotEnoughOffered(Refusal):
    code = "market.not_enough_offered"
    message = (
        "{wanted_t} t at {most_price} {currency} at most were asked for, and {offered_t} t are offered to {buyer} "
        "at that. Ask for that many at most, or pay more: {passed_over}."
    )


class UnknownProposal(Refusal):
    code = "market.unknown_proposal"
    message = "There is no proposal {proposal}. 'tanpuhui market proposals' lists them."
    on_page = "There is no proposal {proposal}. Choose one from the list of proposals."


class ProposalOver(Refusal):
    code = "market.proposal_over"
    message = "The proposal {proposal} is {outcome} since {at}. Make or ask for a new one."


class BadTime(Refusal):
    code = "market.bad_time"
    message = "{given} is not after {after} and at most {days} days later. Give another time."


class UnknownAuction(Refusal):
    code = "market.unknown_auction"
    message = "There is no auction {auction}. 'tanpuhui market auctions' lists them."
    on_page = "There is no auction {auction}. Choose one from the list of auctions."


class AuctionOver(Refusal):
    code = "market.auction_over"
    message = "The auction {auction} is {outcome} since {at}. Choose another one."


class AuctionOpen(Refusal):
    code = "market.auction_open"
    message = "Bids to the auction {auction} come in, sealed, until {closes_at}. Clear it then."


class BidUnderReserve(Refusal):
    code = "market.bid_under_reserve"
    message = "{price} {currency} is under the reserve price of {reserve} {currency}. Bid that much at least."


class NotEnoughMoney(Refusal):
    code = "market.not_enough_money"
    message = (
        "{buyer} has {available} {currency} that is not held, and {wanted} {currency} have to be held with the order. "
        "Pay in under {reference} first, or order less."
    )


class UnknownTrade(Refusal):
    code = "market.unknown_trade"
    message = "There is no trade {trade!r}. 'tanpuhui market trades' lists them."
    on_page = "There is no trade {trade!r}. Choose one from the list of trades."


BY_CODE: dict[str, type[Refusal]] = {
    kind.code: kind
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
}


def refusal_from(stored: dict[str, Any]) -> Refusal:
    """The refusal that was stored as ``{"code", "facts"}``, of the market, of money or of the ledger."""
    kind = BY_CODE.get(stored["code"])
    return kind(**stored["facts"]) if kind else money_refusal(stored)
