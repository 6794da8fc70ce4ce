"""Consents on offer: what somebody can agree to: a provider that reports, or a recipient, each on its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.http import Http404
from django.utils import timezone

from tanpuhui.access.models import Organisation
from tanpuhui.consent.policy import Notice, Party, Policy, Purpose, policy
from tanpuhui.consent.show import Standing, standings
from tanpuhui.consent.state import State
from tanpuhui.copies.parties import party_names
from tanpuhui.copies.state_names import state_name
from tanpuhui.evidence.contract import acts_of, contracts
from tanpuhui.evidence.models import Contract, SubjectLink
from tanpuhui.web.resident.act_names import act_name

REPORTING = "quantification"
PLATFORM = "platform"
#: What a disclosure shows of an account: there is no act in it.
DISCLOSED = ("account_balance", "account_tier")
DISCLOSURE = "disclosure"


@dataclass(frozen=True)
class ConsentOnOffer:
    """One separate consent that can be given: who, to whom, what for; and how it stands."""

    provider: str
    recipient: str
    purpose: Purpose
    name: str
    acts: tuple[str, ...]
    is_offered: bool
    history: tuple[Standing, ...]
    links: int = 0

    @property
    def standing(self) -> Standing | None:
        """The newest consent of this kind, whatever became of it."""
        return self.history[0] if self.history else None

    @property
    def reports(self) -> bool:
        """Whether this is a source: a provider that reports acts."""
        return self.purpose.code == REPORTING

    @property
    def state(self) -> str:
        """``given``, ``paused``, ``asked``, ``declined``, or ``free``: nothing in force, and nothing said no to."""
        standing = self.standing
        if standing is None:
            return "free"
        return {
            State.GIVEN: "given",
            State.RESUMED: "given",
            State.PAUSED: "paused",
            State.REQUESTED: "asked",
            State.REFUSED: "declined",
        }.get(standing.state, "free")

    @property
    def state_name(self) -> str:
        return state_name(self.standing.state) if self.standing else ""

    @property
    def act_names(self) -> list[str]:
        return [act_name(kind) for kind in self.acts]

    @property
    def granted_names(self) -> list[str]:
        return [act_name(kind) for kind in self.standing.grant.kinds] if self.standing else []

    def notice(self, language: str) -> Notice:
        """What is to be read before agreeing, in the reader's language."""
        rules = policy()
        return rules.notice(self.purpose, lang_of(language), rules.parties[self.recipient])


def lang_of(language: str) -> str:
    """The language of a notice for a language of pages."""
    return "zh" if language.startswith("zh") else "en"


def sources_of(account: int, *, at: datetime) -> list[ConsentOnOffer]:
    """Every provider that may be allowed to report, and those that once were, by name."""
    rules = policy()
    given = _by_key(standings(account, at=at))
    found = {one.provider: one for one in contracts()}
    named = _named(found, rules)
    codes = sorted(named | {provider for provider, _, purpose in given if purpose == REPORTING})
    names = party_names(codes)
    links = _links(account)
    offers = [
        ConsentOnOffer(
            provider=code,
            recipient=PLATFORM,
            purpose=rules.purpose(REPORTING),
            name=names[code],
            acts=acts_of(found[code]) if code in found else (),
            is_offered=code in named and _is_in_force(found[code]),
            history=given.get((code, PLATFORM, REPORTING), ()),
            links=links.get(code, 0),
        )
        for code in codes
    ]
    return sorted(
        (one for one in offers if one.history or (one.is_offered and one.acts)), key=lambda one: one.name
    )


def recipients_of(account: int, *, at: datetime) -> list[ConsentOnOffer]:
    """Everybody to whom a statement may be shown, each on its own."""
    rules = policy()
    if DISCLOSURE not in rules.purposes:
        return []
    given = _by_key(standings(account, at=at))
    purpose = rules.purpose(DISCLOSURE)
    codes = [code for code in purpose.recipients if code in rules.parties]
    names = party_names(codes)
    return [
        ConsentOnOffer(
            PLATFORM, code, purpose, names[code], DISCLOSED, True, given.get((PLATFORM, code, DISCLOSURE), ())
        )
        for code in codes
    ]


def source_of(account: int, provider: str, *, at: datetime) -> ConsentOnOffer:
    """One source; a provider that is not offered and never was is not there."""
    found = [one for one in sources_of(account, at=at) if one.provider == provider]
    if not found:
        raise Http404
    return found[0]


def recipient_of(account: int, purpose: str, recipient: str, *, at: datetime) -> ConsentOnOffer:
    """One recipient of one purpose."""
    found = [
        one
        for one in recipients_of(account, at=at)
        if (one.purpose.code, one.recipient) == (purpose, recipient)
    ]
    if not found:
        raise Http404
    return found[0]


def parties_of(offer: ConsentOnOffer) -> tuple[Party, Party]:
    """The provider and the recipient as a consent names them."""
    rules = policy()
    return rules.provider(offer.provider), rules.parties[offer.recipient]


def _by_key(found: Iterable[Standing]) -> dict[tuple[str, str, str], tuple[Standing, ...]]:
    keyed: dict[tuple[str, str, str], tuple[Standing, ...]] = {}
    for one in found:
        key = (one.grant.provider, one.grant.recipient, one.grant.purpose)
        keyed[key] = (*keyed.get(key, ()), one)
    return keyed


def _named(found: dict[str, Contract], rules: Policy) -> set[str]:
    """Providers with a contract whom a person can be told by name: registered here, or named in the policy."""
    registered = Organisation.objects.filter(kind=Organisation.PROVIDER, code__in=found)
    return set(registered.values_list("code", flat=True)) | (found.keys() & rules.parties.keys())


def _is_in_force(contract: Contract) -> bool:
    today = timezone.localdate()
    return (
        contract.enabled
        and contract.valid_from <= today
        and (contract.valid_to is None or today <= contract.valid_to)
    )


def _links(account: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    for provider in SubjectLink.objects.filter(account_id=account).values_list(
        "subject__provider", flat=True
    ):
        counts[provider] = counts.get(provider, 0) + 1
    return counts
