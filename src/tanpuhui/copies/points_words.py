"""Points words: what kinds of offer, states and limits are called, on the pages of everybody concerned."""

from __future__ import annotations

from django.utils.translation import get_language, pgettext, pgettext_lazy
from django.utils.translation import gettext as _

from tanpuhui.access.models import Organisation
from tanpuhui.points import standing
from tanpuhui.points.models import Closing, Offer, Redemption

#: Why an offer cannot be published, as the verb says it; read here so that it is translated.
PROBLEMS = (
    pgettext_lazy("fact", "it ends before it begins"),
    pgettext_lazy("fact", "its price is below one point"),
    pgettext_lazy("fact", "it has a price in points and no sponsor whose points they are"),
    pgettext_lazy("fact", "a limit is below one"),
    pgettext_lazy("fact", "a budget in points needs a price"),
    pgettext_lazy("fact", "its budget pays for none"),
    pgettext_lazy("fact", "a financial product needs terms for its tiers, and nothing else has them"),
    pgettext_lazy("fact", "a tier has two sets of terms"),
    pgettext_lazy("fact", "a higher tier gets less than a lower one"),
    pgettext_lazy("fact", "a title or text is empty"),
    pgettext_lazy("fact", "its code is good for less than half a minute or more than 31 days"),
    pgettext_lazy("fact", "what is accepted offline has no time to arrive"),
    pgettext_lazy("fact", "its code is taken by another offer"),
    pgettext_lazy("fact", "an organisation of this kind gives no offer of this kind"),
    pgettext_lazy("fact", "captured"),
    pgettext_lazy("fact", "released"),
    pgettext_lazy("fact", "expired"),
    pgettext_lazy("fact", "refused"),
)


def kinds() -> dict[str, str]:
    """Kinds of offer by name."""
    return {
        Offer.DISCOUNT: pgettext("kind of offer", "Discount"),
        Offer.PUBLIC_SERVICE: pgettext("kind of offer", "Public service"),
        Offer.FINANCIAL: pgettext("kind of offer", "Financial product"),
        Offer.DONATION: pgettext("kind of offer", "Donation"),
    }


def standing_name(state: str) -> str:
    """How an offer stands, in a word or two."""
    return {
        standing.OPEN: pgettext("offer", "to be had"),
        standing.SOON: pgettext("offer", "not yet"),
        standing.OVER: pgettext("offer", "over"),
        standing.STOPPED: pgettext("offer", "stopped"),
        standing.SOLD_OUT: pgettext("offer", "sold out"),
        standing.DAY_FULL: pgettext("offer", "sold out today"),
    }[state]


def standing_tone(state: str) -> str:
    """The badge of a standing."""
    return {standing.OPEN: "good", standing.SOON: "waiting", standing.DAY_FULL: "waiting"}.get(state, "plain")


def state_name(state: str) -> str:
    """What became of a redemption, in a word or two."""
    return {
        Redemption.HELD: pgettext("redemption", "points held"),
        Redemption.REFUSED: pgettext("redemption", "refused"),
        Closing.CAPTURED: pgettext("redemption", "redeemed"),
        Closing.RELEASED: pgettext("redemption", "cancelled"),
        Closing.EXPIRED: pgettext("redemption", "ran out"),
    }[state]


def state_tone(state: str) -> str:
    """The badge of a redemption's state."""
    return {Redemption.HELD: "waiting", Closing.CAPTURED: "good", Redemption.REFUSED: "bad"}.get(
        state, "plain"
    )


def name_of(organisation: Organisation) -> str:
    """An organisation in the reader's language."""
    return organisation.name(get_language() or "")


def title_of(offer: Offer) -> str:
    """An offer's title in the reader's language."""
    return offer.title(get_language() or "")


def limits_of(offer: Offer) -> list[str]:
    """What limits an offer, one plain sentence each."""
    said = []
    if offer.per_person is not None:
        said.append(_("At most %(count)s for one person") % {"count": offer.per_person})
    if offer.per_person_day is not None:
        said.append(_("At most %(count)s a day for one person") % {"count": offer.per_person_day})
    if offer.per_day is not None:
        said.append(_("At most %(count)s a day for everybody together") % {"count": offer.per_day})
    return said
