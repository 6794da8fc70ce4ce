"""Look: a recipient sees a statement with the code that the resident handed over, or one it has seen before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from tanpuhui.consent import store
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import policy
from tanpuhui.disclosure.contents import contents
from tanpuhui.disclosure.credential import certify, check_claims
from tanpuhui.disclosure.hand_over import grant_of, is_in_force
from tanpuhui.disclosure.models import Statement
from tanpuhui.disclosure.refusals import NotAllowed, StatementWithoutCredential, UnknownReference
from tanpuhui.kit.refusal import Refusal
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.transparency import credential as credentials
from tanpuhui.transparency.credentials.form import SdJwt

_DAYS = {"DAY": 1, "WEEK": 7, "MONTH": 30, "YEAR": 365}


class StatementInvalid(Refusal):
    code = "disclosure.statement_invalid"
    message = "This statement was not signed by this installation, or was changed ({why}). Fetch it again."


def look(text: str, recipient: str, *, jurisdiction: Jurisdiction, at: datetime) -> Statement:
    """The statement to which a code leads: a new one, or the last where the purpose allows no new one yet.

    In the caller's transaction, which also writes the audit entry. No step of the resident's grants can come
    in between.
    """
    grant = grant_of(text, recipient, at=at)
    store.lock_residents([grant.resident_id])
    _refuse_unfit(grant)
    if not is_in_force(grant, at):
        raise NotAllowed()
    last = Statement.objects.filter(grant=grant).order_by("-made_at").first()
    if last is not None and at < last.made_at + _between(grant):
        return last
    number = uuid4()
    content = contents(connection, grant, str(number), jurisdiction, at=at)
    made = Statement.objects.create(id=number, grant=grant, recipient=recipient, content=content, made_at=at)
    certify(_subject(made), content, grant, at=at)
    return made


def look_again(statement: UUID, recipient: str, *, at: datetime) -> Statement:
    """A statement that this recipient has seen, while the grant still holds; another's is not there."""
    known = Statement.objects.select_related("grant").filter(pk=statement, recipient=recipient).first()
    if known is None:
        raise UnknownReference()
    store.lock_residents([known.grant.resident_id])
    _refuse_unfit(known.grant)
    if not is_in_force(known.grant, at):
        raise NotAllowed()
    return known


def signed(statement: Statement) -> SdJwt:
    """The statement as it was signed, with everything to show; it verifies offline."""
    found = credentials.find(_subject(statement))
    if found is None:
        raise StatementWithoutCredential()
    return credentials.whole(found)


def _refuse_unfit(grant: Grant) -> None:
    """A recipient that may no longer be given anything, or a purpose that is not assessed any more, gets nothing."""
    rules = policy()
    rules.recipient(rules.purpose(grant.purpose), grant.recipient)


def check(token: str, key: dict[str, Any] | None = None) -> dict[str, Any]:
    """The content of a signed statement as far as it is shown; refuses whatever is not exactly what was signed.

    ``key`` is the issuer's (JWK); this installation's when left out. Nothing is said about its status.
    """
    try:
        return check_claims(token, policy().origin, key)
    except Refusal as refusal:
        raise StatementInvalid(why=refusal.code) from refusal


def _subject(statement: Statement) -> str:
    return f"statement:{statement.pk}"


def _between(grant: Grant) -> timedelta:
    often = grant.artefact["frequency"]
    return timedelta(days=_DAYS[often["unit"]]) / int(often["value"])
