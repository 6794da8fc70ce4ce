"""What points say no to, and what to do then. Codes that the database stores are among them."""

from __future__ import annotations

from typing import Any

from tanpuhui.kit.refusal import Refusal
from tanpuhui.money.refusals import refusal_from as money_refusal


class KeyReused(Refusal):
    code = "points.key_reused"
    message = "The key {key} was used before for other content. Give new content a new key."


class UnknownSponsor(Refusal):
    code = "points.unknown_sponsor"
    message = "There is no sponsor {sponsor!r}. 'tanpuhui points sponsors' lists them."
    on_page = "There is no sponsor {sponsor!r}. Choose one from the list of sponsors."


class UnknownOrganisation(Refusal):
    code = "points.unknown_organisation"
    message = "There is no organisation {organisation!r} that can do this. The console lists organisations."


class BadCallback(Refusal):
    code = "points.bad_callback"
    message = (
        "{url!r} is no address for messages: {why}. Give one such as https://bank.example/tanpuhui, without "
        "a name, a password or a fragment in it."
    )


class SponsorKnown(Refusal):
    code = "points.sponsor_known"
    message = "{sponsor} is a sponsor already. Fund its budget with 'tanpuhui points fund'."
    on_page = "{sponsor} is a sponsor already. Fund its budget."


class OtherCurrency(Refusal):
    code = "points.other_currency"
    message = (
        "The budget of {sponsor} is in {currency}, and {given} was given. Give the amount in {currency}."
    )


class ReferenceMissing(Refusal):
    code = "points.reference_missing"
    message = "It does not say which payment it is. Give the reference by which the bank knows it."


class FundedBefore(Refusal):
    code = "points.funded_before"
    message = (
        "The payment {reference} funded {sponsor} with {amount} {currency} on {day}. It counts once: give the "
        "reference of another payment."
    )


class NothingToBuy(Refusal):
    code = "points.nothing_to_buy"
    message = "{points} points in all cannot be bought. Give each resident one point or more."


class BuyerLacksMoney(Refusal):
    code = "points.buyer_lacks_money"
    message = (
        "{available} {currency} are available, and these points cost {wanted}. "
        "Pay money in first, then ask again."
    )


class NoConversion(Refusal):
    code = "points.no_conversion"
    message = (
        "{jurisdiction} has no rule on {day} by which reductions become points. "
        "Wait for one, or look at its rules with 'tanpuhui jurisdiction show {jurisdiction}'."
    )
    on_page = (
        "{jurisdiction} has no rule on {day} by which reductions become points. Wait for one; its page has "
        "the rules that there are."
    )


class NothingToConvert(Refusal):
    code = "points.nothing_to_convert"
    message = (
        "Account {account} has {convertible_mg} mg certified that were not converted yet, which makes {most} points, "
        "and {wanted} were asked for ({mg_per_point} mg a point). "
        "Ask for 1 or more, up to that, or wait for the next lot."
    )


class BudgetShort(Refusal):
    code = "points.budget_short"
    message = (
        "{points} points are worth {wanted_minor} minor units of {currency}, and the budget of {sponsor} has "
        "{available_minor}. Fund it, or convert fewer."
    )


class NotTransferable(Refusal):
    code = "points.not_transferable"
    message = (
        "Points may not be given to somebody else under the rules of {jurisdiction} ({source}). Use them for "
        "an offer."
    )


class TooFewToGive(Refusal):
    code = "points.too_few_to_give"
    message = (
        "Account {account} has {available} points that can be given, and {wanted} were asked for. Give fewer."
    )


class UnknownOffer(Refusal):
    code = "points.unknown_offer"
    message = "There is no offer {offer!r}. 'tanpuhui offer list' lists them."
    on_page = "There is no offer {offer!r}. Choose one from the list of offers."


class BadOffer(Refusal):
    code = "points.bad_offer"
    message = "The offer cannot be published: {problem}. Correct it, and publish again."


class OfferNotYet(Refusal):
    code = "points.offer_not_yet"
    message = "The offer {offer} begins at {starts_at}. Come back then."


class OfferOver(Refusal):
    code = "points.offer_over"
    message = "The offer {offer} ended at {ends_at}. Choose another one."


class OfferStopped(Refusal):
    code = "points.offer_stopped"
    message = "The offer {offer} was stopped. Choose another one."


class StockGone(Refusal):
    code = "points.stock_gone"
    message = (
        "Of the offer {offer} {left} are left, and {wanted} were asked for. Ask for fewer, or choose another "
        "one."
    )


class BudgetGone(Refusal):
    code = "points.budget_gone"
    message = (
        "The budget of the offer {offer} pays for {left} more, and {wanted} were asked for. "
        "Ask for fewer, or choose another one."
    )


class DayFull(Refusal):
    code = "points.day_full"
    message = (
        "The offer {offer} gives {per_day} a day, and {wanted} are not left of {day}. Come back tomorrow."
    )


class LimitReached(Refusal):
    code = "points.limit_reached"
    message = (
        "Of the offer {offer} one person gets at most {per_person} in all and {per_person_day} a day "
        "(– or None: no limit); {had} were had, {had_today} of them today, and {wanted} were asked for. Ask for fewer, "
        "or come back another day."
    )


class TooFew(Refusal):
    code = "points.too_few"
    message = (
        "{wanted} points are needed for {offer}, and {available} are available. Convert more, or choose "
        "another offer."
    )


class ConsentMissing(Refusal):
    code = "points.consent_missing"
    message = (
        "The offer {offer} needs a consent of account {account} to its bank, of its own and in force. "
        "Give it first; nothing else depends on it."
    )


class TierTooLow(Refusal):
    code = "points.tier_too_low"
    message = (
        "The offer {offer} begins at {least_kg} kg certified, and account {account} has {earned_mg} mg. Come "
        "back later."
    )


class UnknownRedemption(Refusal):
    code = "points.unknown_redemption"
    message = "There is no redemption {redemption} here. Look at its number again."


class RedemptionClosed(Refusal):
    code = "points.redemption_closed"
    message = "Redemption {redemption} is {state} since {closed_at}. It ends once; ask for a new code."


class RedemptionOver(Refusal):
    code = "points.redemption_over"
    message = "Redemption {redemption} was good until {expires_at}. Ask for a new code."


class MoreThanHeld(Refusal):
    code = "points.more_than_held"
    message = (
        "Redemption {redemption} holds {held}, and {wanted} were asked for. Capture at most what is held."
    )


class MayBeAccepted(Refusal):
    code = "points.may_be_accepted"
    message = (
        "The code of redemption {redemption} can be accepted without a network until {good_until}, and arrive until "
        "{expires_at}. What is not used comes back by itself then."
    )


class RefundTooLarge(Refusal):
    code = "points.refund_too_large"
    message = (
        "Of redemption {redemption} {captured} points were captured and {refunded} went back, and {wanted} more were "
        "asked for. Refund at most the rest."
    )


class NothingToSettle(Refusal):
    code = "points.nothing_to_settle"
    message = (
        "{sponsor} owes {organisation} nothing through {through}: {lines} lines sum to {points} points. "
        "What is below zero is carried to the next settlement."
    )


class UnknownSettlement(Refusal):
    code = "points.unknown_settlement"
    message = "There is no settlement {settlement!r}. 'tanpuhui points settlements' lists them."
    on_page = "There is no settlement {settlement!r}. Choose one from the list of settlements."


class CodeForged(Refusal):
    code = "points.code_forged"
    message = "This code was not signed by this platform ({why}). Do not accept it; ask for a new one."


class CodeOver(Refusal):
    code = "points.code_over"
    message = "This code was good until {good_until}. Ask for a new one."


class CodeNotYet(Refusal):
    code = "points.code_not_yet"
    message = (
        "This code is good from {issued_at}, later than this device's clock says. Set the clock, then try "
        "again."
    )


class CodeElsewhere(Refusal):
    code = "points.code_elsewhere"
    message = "This code is for {organisation}, not for {merchant}. Send the person there."


class CodeSeen(Refusal):
    code = "points.code_seen"
    message = "This code was accepted on this device before. It is good once; ask for a new one."


class CodeNeedsNetwork(Refusal):
    code = "points.code_needs_network"
    message = (
        "This code is for {points} points, and {most} may be accepted without a network. Connect, then "
        "capture it."
    )


BY_CODE: dict[str, type[Refusal]] = {
    kind.code: kind
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
}


#: Codes that answers were stored under before money had a stage of its own.
_RENAMED = ("currency_unknown", "too_many_decimals", "bad_amount")


def _renamed(stored: dict[str, Any]) -> dict[str, Any]:
    stage, _, name = stored["code"].partition(".")
    return {**stored, "code": f"money.{name}"} if stage == "points" and name in _RENAMED else stored


def refusal_from(stored: dict[str, Any]) -> Refusal:
    """The refusal that was stored as ``{"code", "facts"}``, of points, of money or of the ledger."""
    kind = BY_CODE.get(stored["code"])
    return kind(**stored["facts"]) if kind else money_refusal(_renamed(stored))
