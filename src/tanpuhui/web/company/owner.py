"""Owner: who a company is in the ledger, who may act for it, and how what they do is done and written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django import forms
from django.db import transaction
from django.http import HttpRequest

from tanpuhui.access.audit import record
from tanpuhui.access.models import Membership, Organisation
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.account import organisation as owner_number
from tanpuhui.web.shared.access import MemberRequest, organisation_page
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current
from tanpuhui.web.shared.security_log import note

T = TypeVar("T")
#: An auditor looks at everything here and does nothing.
ACTING = (Membership.ADMIN, Membership.MEMBER)

looks = organisation_page(Organisation.COMPANY)
acts = organisation_page(Organisation.COMPANY, *ACTING)


def mine(request: HttpRequest) -> MemberRequest:
    return cast(MemberRequest, request)


def owner_of(request: HttpRequest) -> int:
    """The ledger's owner that the company is."""
    return owner_number(mine(request).organisation.pk)


def may_act(request: HttpRequest) -> bool:
    return mine(request).membership.role in ACTING


def key_of(request: HttpRequest, given: object) -> str:
    """A form's key as the verbs know it: no other company's key can be met."""
    return f"web:{owner_of(request)}:{given}"


def done(
    request: HttpRequest,
    verb: str,
    do: Callable[[], T],
    *,
    object_kind: str,
    facts: Callable[[T], dict[str, Any]],
) -> T:
    """Do a verb in a transaction, and write down in it who did it."""
    with transaction.atomic():
        result = do()
        said = facts(result)
        record(
            verb,
            who=mine(request).user,
            at=utc_now(),
            organisation=mine(request).organisation,
            object_kind=object_kind,
            object_key=said.pop("key"),
            facts=said,
            request_id=current(),
        )
    return result


def add_refusal(request: HttpRequest, form: forms.Form, refusal: Refusal) -> int:
    """Put a refusal with the form as it was typed; answers the status of the page."""
    note("refused", request, code=refusal.code)
    form.add_error(None, text_of(refusal))
    return status_of(refusal)
