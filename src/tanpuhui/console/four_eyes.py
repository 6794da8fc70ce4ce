"""Four eyes: what one person asks for and another decides about. A yes is used at once, or by whoever asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tanpuhui.access import approve
from tanpuhui.access.models import Approval
from tanpuhui.console import jobs
from tanpuhui.console.guard import ConsoleRequest, record, request_id
from tanpuhui.console.kinds import about
from tanpuhui.console.models import Job
from tanpuhui.console.refusals import NotYourQuestion

REVEAL = "account.reveal_identity"
#: A yes to it is used by 'tanpuhui request erase', on the machine of the database.
ERASE = "account.erase"


@dataclass(frozen=True)
class Verb:
    """A verb that takes two. ``runs``: a yes begins a job; otherwise who asked uses it on a page."""

    title: str | Promise
    runs: bool


VERBS: dict[str, Verb] = {
    "lot.certify": Verb(_("certify a lot"), runs=True),
    "close.reopen": Verb(_("close a certified day again"), runs=True),
    "act.release": Verb(_("release a held act"), runs=True),
    "act.confirm": Verb(_("confirm that an act stays held"), runs=True),
    "units.transfer": Verb(_("transfer units"), runs=True),
    "units.cancel": Verb(_("cancel units"), runs=True),
    "buffer.fill": Verb(_("fill the buffer"), runs=True),
    "buffer.pay": Verb(_("pay from the buffer"), runs=True),
    "lot.annul": Verb(_("annul a lot"), runs=True),
    "credential.revoke": Verb(_("revoke a credential"), runs=True),
    "account.claw_back": Verb(_("claw back certified reductions"), runs=True),
    "account.unfreeze": Verb(_("let go of what was frozen"), runs=True),
    REVEAL: Verb(_("see who an account belongs to"), runs=False),
    ERASE: Verb(_("erase a person"), runs=False),
}


def title_of(verb: str) -> str:
    known = VERBS.get(verb)
    return str(known.title) if known else verb


def ask(
    request: ConsoleRequest, verb: str, arguments: Mapping[str, Any], *, reason: str, at: datetime
) -> Approval:
    """Ask a colleague to agree to exactly this, in the caller's transaction."""
    assert verb in VERBS, "a verb that takes two"
    approval = approve.ask(verb, arguments, reason=reason, by=request.user, at=at)
    _record(request, approval, f"{verb}.approval_asked", reason, at)
    return approval


def decide(request: ConsoleRequest, number: UUID, *, yes: bool, reason: str, at: datetime) -> Job | None:
    """Agree or not, in the caller's transaction. A yes to what runs is used at once: exactly one job comes of it."""
    approval = approve.decide(number, yes=yes, reason=reason, by=request.user, at=at)
    _record(request, approval, f"{approval.verb}.{'agreed' if yes else 'denied'}", reason, at)
    verb = VERBS.get(approval.verb)
    if not yes or verb is None or not verb.runs or approval.used_at is not None:
        return None
    approve.use(approval.pk, approval.verb, approval.arguments, at=at)
    return jobs.ask(
        approval.verb,
        approval.arguments,
        by=approval.asked_by,
        organisation=request.organisation,
        at=at,
        reason=approval.reason,
        approval=approval,
        request_id=request_id(request),
    )


def use(
    request: ConsoleRequest, number: UUID, verb: str, arguments: Mapping[str, Any], *, at: datetime
) -> Approval:
    """Use a yes oneself, once, for exactly what was asked; only who asked may."""
    known = Approval.objects.filter(pk=number).first()
    if known is not None and known.asked_by_id != request.user.pk:
        raise NotYourQuestion
    return approve.use(number, verb, arguments, at=at)


def _record(request: ConsoleRequest, approval: Approval, verb: str, reason: str, at: datetime) -> None:
    object_kind, object_key = about(approval.verb, approval.arguments)
    facts = {"approval": str(approval.pk), "digest": approval.digest}
    record(request, verb, at=at, object_kind=object_kind, object_key=object_key, reason=reason, facts=facts)
