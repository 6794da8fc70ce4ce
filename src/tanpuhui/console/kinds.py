"""Kinds: every kind of long work, by name: what it is called, what it does, and what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tanpuhui.close.effect import effect_of_version
from tanpuhui.close.installation import jurisdiction, places
from tanpuhui.close.replay import find_manifest, replay
from tanpuhui.close.run import close_day
from tanpuhui.community.challenge import get_challenge, shows_sum, tally
from tanpuhui.consent.policy import policy
from tanpuhui.console.models import Job
from tanpuhui.integrity.decide import confirm, release
from tanpuhui.integrity.refusals import NotHeld
from tanpuhui.ledger.every_month import every_month
from tanpuhui.ledger.invariants import check, counts, unread
from tanpuhui.methodology.load import load_library
from tanpuhui.points.take_back import take_back
from tanpuhui.registry.annul import annul
from tanpuhui.registry.buffer import BufferOrder, fill_buffer, pay_from_buffer
from tanpuhui.registry.cancel import cancel
from tanpuhui.registry.certify import Order, certify
from tanpuhui.registry.claw_back import ClawBackOrder, claw_back
from tanpuhui.registry.freeze import unfreeze
from tanpuhui.registry.reconcile import INVARIANTS, reconcile
from tanpuhui.registry.transfer import transfer_units
from tanpuhui.registry.units import Part, UnitOrder, ranges_as_json
from tanpuhui.transparency.credential import get as get_credential
from tanpuhui.transparency.credential_status import OPERATOR, publish_lists, revoke

Arguments = Mapping[str, Any]
#: A month back from the last day, for the effect of a new version.
MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Kind:
    """``do`` takes the arguments, the job's number and a moment, and answers JSON.

    ``whole`` says that it runs in the transaction in which the job ends: then it happens once, whatever kills the
    worker. What is not whole opens transactions of its own and can be done again with the same end.
    """

    title: str | Promise
    do: Callable[[Arguments, str, datetime], dict[str, Any]]
    whole: bool


def _close(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    del key
    answer = close_day(
        date.fromisoformat(arguments["day"]),
        at=at,
        places=places(),
        jurisdiction=jurisdiction(),
        library=load_library(),
        reopen=bool(arguments.get("reopen", False)),
    )
    return answer.as_json()


def _reopen(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    return _close({**arguments, "reopen": True}, key, at)


def _release(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    """Done again after a kill, nothing is held any more, and the day is closed all the same.

    The reason is the job's own: arguments are kept for good, and words about somebody's act are not.
    """
    job = Job.objects.get(pk=int(key))
    with suppress(NotHeld), transaction.atomic():
        release(arguments["record"], job.reason, by=job.asked_by, at=at)
    return _reopen({"day": arguments["day"]}, key, at)


def _confirm(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    """Days whose stations it was counted at are due then; decided otherwise in the meantime, it is refused."""
    job = Job.objects.get(pk=int(key))
    return {"day": confirm(arguments["record"], job.reason, by=job.asked_by, at=at).isoformat()}


def _replay(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    del key, at
    return replay(
        find_manifest(arguments["manifest"]),
        places=places(),
        jurisdiction=jurisdiction(),
        library=load_library(),
    ).as_json()


def _effect(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    del key, at
    return effect_of_version(
        arguments["methodology"],
        arguments["version"],
        first=date.fromisoformat(arguments["first"]),
        last=date.fromisoformat(arguments["last"]),
        places=places(),
        jurisdiction=jurisdiction(),
        library=load_library(),
    ).as_json()


def _check_ledger(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    del arguments, key, at
    with as_of_one_moment(), every_month(connection) as everything:
        found = [*unread(everything), *check(connection), *reconcile(connection)]
        checked = counts(connection)
    findings = [finding.as_json() for finding in found]
    checked["invariants"] += len(INVARIANTS)
    return {"ok": not findings, "findings": findings, "checked": checked}


@contextmanager
def as_of_one_moment() -> Iterator[None]:
    """A transaction that sees the database as it was when it began."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _certify(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    del key
    order = Order(
        methodology=arguments["methodology"],
        version=arguments["version"],
        vintage=arguments["vintage"],
        through=date.fromisoformat(arguments["through"]),
        operator=arguments["operator"],
        verifier=arguments["verifier"],
        at=at,
    )
    lot = certify(order, places=places(), jurisdiction=jurisdiction(), library=load_library())
    return {"lot": lot.code, "tonnes": lot.tonnes, "residents": lot.residents}


def _claw_back(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    order = ClawBackOrder(
        key=f"claw_back:{key}",
        account=arguments["account"],
        lot=arguments["lot"],
        amount_mg=arguments["amount_mg"],
        effective_on=date.fromisoformat(arguments["effective_on"]),
    )
    transaction = claw_back(order, at=at)
    return {"transaction": transaction, **take_back(order.account, day=order.effective_on, at=at).as_json()}


def _unfreeze(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    del key
    return {"holds": unfreeze(arguments["account"], at=at)}


def _tally(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    """Counts a challenge; a sum of too few people is kept, and not said."""
    del key
    counted = tally(get_challenge(arguments["challenge"]), at=at)
    is_shown = shows_sum(counted.participants)
    return {
        "challenge": arguments["challenge"],
        "participants": counted.participants,
        "credited_mg": counted.credited_mg if is_shown else None,
    }


def _order(arguments: Arguments, key: str, **said: str) -> UnitOrder:
    parts = (Part(arguments["lot"], arguments["tonnes"]),)
    on = date.fromisoformat(arguments["effective_on"])
    return UnitOrder(f"console:{key}", arguments["company"], parts, on, said)


def _transfer(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    moved = transfer_units(_order(arguments, key), to=arguments["to"], at=at)
    return {"ranges": ranges_as_json(moved)}


def _cancel(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    moved = cancel(_order(arguments, key, reason=arguments["why"]), at=at)
    return {"ranges": ranges_as_json(moved)}


def _buffer(arguments: Arguments, key: str) -> BufferOrder:
    on = date.fromisoformat(arguments["effective_on"])
    return BufferOrder(f"console:{key}", arguments["lot"], arguments["amount_mg"], on)


def _fill_buffer(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    return {"transaction": fill_buffer(_buffer(arguments, key), pool=arguments["pool"], at=at)}


def _pay_from_buffer(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    return {"transaction": pay_from_buffer(_buffer(arguments, key), reason=arguments["why"], at=at)}


def _annul(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    del key
    return {"lot": annul(arguments["lot"], reason=arguments["why"], at=at).pk}


def _revoke(arguments: Arguments, key: str, at: datetime) -> dict[str, Any]:
    """Revoked already in the meantime, there is nothing to do; the status lists follow when it is committed."""
    del key
    credential = get_credential(arguments["credential"])
    step = revoke(credential, reason=arguments["why"], by=OPERATOR, at=at)
    publish_when_committed(at)
    return {"credential": credential.pk, "changed": step is not None}


def publish_when_committed(at: datetime) -> None:
    """Sign the status lists after the step; should that fail, the worker does it in half a minute."""
    transaction.on_commit(lambda: publish_lists(policy().origin, at=at), robust=True)


KINDS: dict[str, Kind] = {
    "close.day": Kind(_("close a day"), _close, whole=False),
    "close.reopen": Kind(_("close a certified day again"), _reopen, whole=False),
    "act.release": Kind(_("release a held act"), _release, whole=False),
    "act.confirm": Kind(_("confirm that an act stays held"), _confirm, whole=True),
    "close.replay": Kind(_("replay a close"), _replay, whole=False),
    "methodology.effect": Kind(_("work out the effect of a version"), _effect, whole=False),
    "ledger.check": Kind(_("check the ledger"), _check_ledger, whole=False),
    "lot.certify": Kind(_("certify a lot"), _certify, whole=True),
    "units.transfer": Kind(_("transfer units"), _transfer, whole=True),
    "units.cancel": Kind(_("cancel units"), _cancel, whole=True),
    "buffer.fill": Kind(_("fill the buffer"), _fill_buffer, whole=True),
    "buffer.pay": Kind(_("pay from the buffer"), _pay_from_buffer, whole=True),
    "lot.annul": Kind(_("annul a lot"), _annul, whole=True),
    "credential.revoke": Kind(_("revoke a credential"), _revoke, whole=True),
    "account.claw_back": Kind(_("claw back certified reductions"), _claw_back, whole=True),
    "account.unfreeze": Kind(_("let go of what was frozen"), _unfreeze, whole=True),
    "challenge.tally": Kind(_("count a challenge"), _tally, whole=True),
}


def title_of(kind: str) -> str:
    """What a kind of work or a verb is called."""
    known = KINDS.get(kind)
    return str(known.title) if known else kind


def about(kind: str, arguments: Arguments) -> tuple[str, str]:
    """The kind and the key of what work is about, as the audit trail names it."""
    if "account" in arguments:
        return "account", str(arguments["account"])
    if "record" in arguments:
        return "record", str(arguments["record"])
    if "lot" in arguments:
        return "lot", str(arguments["lot"])
    if "credential" in arguments:
        return "credential", str(arguments["credential"])
    if "manifest" in arguments:
        return "manifest", str(arguments["manifest"])
    if "methodology" in arguments:
        return "methodology", f"{arguments['methodology']}@{arguments['version']}"
    if "challenge" in arguments:
        return "challenge", str(arguments["challenge"])
    if "day" in arguments:
        return "day", str(arguments["day"])
    return kind.partition(".")[0], ""
