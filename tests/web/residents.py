"""Residents with browsers of their own, and providers they may allow, as the tests of their pages share them."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Any

from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from access.people import AT
from tanpuhui.access.hold import hold
from tanpuhui.access.models import User
from tanpuhui.consent.open_account import open_account
from tanpuhui.consent.policy import policy
from tanpuhui.evidence.contract import ensure_default_contracts
from web.site import client_of

_numbers = count(1)


def resident(**facts: Any) -> tuple[Client, int, User]:
    """A signed-in resident: browser (in English), account, user."""
    user = User.objects.create_user(f"resident-{next(_numbers)}@example.org", language="en")
    account = open_account(at=AT, **facts)
    hold(user, account, at=AT)
    cache.clear()
    return client_of(user), account, user


def providers() -> None:
    """The shipped contracts; the policy names who they are."""
    ensure_default_contracts(at=AT)


def digest(purpose: str = "quantification", recipient: str = "platform", lang: str = "en") -> str:
    """The digest of the notice that a page shows."""
    rules = policy()
    return rules.notice(rules.purpose(purpose), lang, rules.parties[recipient]).digest


def giving(**changes: Any) -> dict[str, Any]:
    """The form with which somebody allows the metro."""
    return {
        "do": "give",
        "acts_from": "today",
        "first_day": "",
        "months": "12",
        "notice": digest(),
        "agrees": "on",
        **changes,
    }


def born(years: int) -> date:
    """A birth date this many years ago."""
    today = timezone.localdate()
    return date(today.year - years, 1, 1)


#: Where a resident allows a bank to see a statement.
RECIPIENT = "/resident/sources/to/disclosure/bank/"
#: A company that the policy of consent names too.
COMPANY = "/resident/sources/to/disclosure/pool_buyer/"


def agreeing(client: Client, *kinds: str, to: str = RECIPIENT) -> dict[str, object]:
    """What a resident sends who has read a recipient's notice on its page and ticked these kinds."""
    shown = client.get(to).context["form"]
    return {
        "do": "give",
        "months": "12",
        "agrees": "on",
        "notice": shown["notice"].value(),
        "kinds": list(kinds),
    }
