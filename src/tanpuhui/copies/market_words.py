"""Market words: what states and reasons of the market are called, on the pages of companies and of the operator."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from tanpuhui.kit.refusal import Refusal
from tanpuhui.market import auction, best, clearing
from tanpuhui.market.models import Auction, AuctionEnding, Membership, Trade
from tanpuhui.money.amounts import to_text

OPEN, WAITING = "open", "waiting"
#: Facts of refusals as the verbs say them; read here so that they are translated.
FACTS = (
    pgettext_lazy("fact", "taken"),
    pgettext_lazy("fact", "cancelled"),
    pgettext_lazy("fact", "lost"),
    pgettext_lazy("fact", "accepted"),
    pgettext_lazy("fact", "declined"),
    pgettext_lazy("fact", "cleared"),
    pgettext_lazy("fact", "closed"),
    pgettext_lazy("fact", "paid"),
    pgettext_lazy("fact", "nothing else is listed"),
    pgettext_lazy("fact", "reference price before the first trade"),
)
_PART = re.compile(r"\A([0-9]+) t of ([0-9]+) t were still wanted\Z")
_PASSED = re.compile(r"\Alisting ([0-9]+) at ([0-9.]+): (.+)\Z")
_DAY = re.compile(r"\Aweighted price of ([0-9-]{10})\Z")


def way_name(way: str) -> str:
    """In which way a trade was made."""
    return {
        Trade.LISTING: pgettext("way of trading", "listing"),
        Trade.NEGOTIATED: pgettext("way of trading", "negotiated"),
        Trade.AUCTION: pgettext("way of trading", "auction"),
    }[way]


def state_name(state: str) -> str:
    """How a listing, a proposal, an auction or a trade stands, in a word or two."""
    return {
        OPEN: pgettext("market", "open"),
        WAITING: pgettext("market", "waits for payment"),
        "closed": pgettext("market", "to be cleared"),
        "settled": pgettext("market", "settled"),
        "taken": pgettext("market", "all taken"),
        "accepted": pgettext("market", "accepted"),
        "declined": pgettext("market", "declined"),
        "cleared": pgettext("market", "cleared"),
        "cancelled": pgettext("market", "taken back"),
        "expired": pgettext("market", "time over"),
        "lost": pgettext("market", "lot annulled"),
    }[state]


def state_tone(state: str) -> str:
    """The badge of a state."""
    if state in ("settled", "accepted", "cleared", "taken"):
        return "good"
    if state in (OPEN, WAITING, "closed"):
        return "waiting"
    return "bad" if state == "lost" else "plain"


def member_name(state: str) -> str:
    """Whether a member may trade."""
    return {
        Membership.ADMITTED: pgettext("market member", "admitted"),
        Membership.SUSPENDED: pgettext("market member", "suspended"),
    }[state]


def reference_name(of: str) -> str:
    """What a day's band is measured from."""
    found = _DAY.match(of)
    if found:
        return _("weighted average of {day}").format(day=found[1])
    return pgettext("fact", of)


def taken_why(why: str) -> str:
    """Why it was a listing's turn, and how much of it was taken."""
    turn, _sep, part = why.partition("; ")
    turns = {
        "lowest price": _("the lowest price"),
        "next price": _("the next price"),
        "same price, listed later": _("the same price, listed later"),
    }
    some = _PART.match(part)
    rest = (
        _("{tonnes} t of its {left} t were still wanted").format(tonnes=some[1], left=some[2])
        if some
        else _("all that was left of it")
    )
    return _("{turn}; {rest}").format(turn=turns.get(turn, turn), rest=rest)


def passed_over_why(why: str) -> str:
    """Why a listing was passed over."""
    return {
        best.DEARER: _("dearer than you asked for"),
        "of the buyer itself or its group": _("your own, or of your group"),
        "its seller is suspended": _("its seller is suspended"),
        "outside of today's price band": _("outside of today's price band"),
        "its lot was annulled": _("its lot was annulled"),
    }.get(why, why)


def refusal_in_words(refusal: Refusal) -> Refusal:
    """A refusal whose facts are phrases that the market made: they are said in the reader's language."""
    said = refusal.facts
    if "passed_over" in said:
        said["passed_over"] = "; ".join(_passed_over(one) for one in str(said["passed_over"]).split("; "))
    if "reference_of" in said:
        said["reference_of"] = reference_name(str(said["reference_of"]))
    if "what" in said:
        said["what"] = _what(str(said["what"]))
    return refusal


def _passed_over(phrase: str) -> str:
    found = _PASSED.match(phrase)
    if found is None:
        return pgettext("fact", phrase)
    return _("listing {number} at {price}: {why}").format(
        number=found[1], price=found[2], why=passed_over_why(found[3])
    )


def _what(phrase: str) -> str:
    kind, _space, number = phrase.partition(" ")
    said = {
        "listing": _("listing {number}").format(number=number),
        "proposal": _("proposal {number}").format(number=number),
        "auction": _("auction {number}").format(number=number),
    }
    return said.get(kind, phrase) if number.isdecimal() else phrase


def fill_why(why: dict[str, Any]) -> str:
    """What a bid got, and why."""
    if why["why"] == clearing.SHARED:
        shared = _("at the price: what was left is shared in proportion, rounded down to a tonne")
        if why["rounded_up"]:
            return _("{shared}; one tonne more by the remainder {rest}/{of}").format(
                shared=shared, rest=why["rest"], of=why["of"]
            )
        return shared
    said: str = why["why"]
    return {
        clearing.ABOVE: _("above the price: filled whole"),
        clearing.BELOW: _("below the price: gets nothing"),
        clearing.UNDER_RESERVE: _("below the reserve price: gets nothing"),
        auction.SUSPENDED: _("the bidder was suspended: gets nothing"),
        auction.ONE_GROUP: _("one group with the seller: gets nothing"),
        auction.NOT_CLEARED: _("the auction was not cleared: the money is free again"),
    }.get(said, said)


def price_why(found: Auction, ended: AuctionEnding) -> str:
    """How an auction's price came about, in a sentence."""
    assert ended.price_minor is not None
    price = f"{to_text(ended.price_minor, found.currency)} {found.currency}"
    wanted = ended.above_t + ended.at_price_t
    if wanted < found.tonnes:
        return _(
            "Bids want {wanted} t of {tonnes} t at the reserve price of {price}: "
            "all get what they bid for, at that price."
        ).format(wanted=wanted, tonnes=found.tonnes, price=price)
    return _(
        "{price} is the highest price at which bids want all {tonnes} t: {above} t above it are filled, and the "
        "{left} t left are shared among {at_price} t at it, rounded down, then by largest remainder, the earlier bid "
        "first."
    ).format(
        price=price,
        tonnes=found.tonnes,
        above=ended.above_t,
        left=found.tonnes - ended.above_t,
        at_price=ended.at_price_t,
    )
