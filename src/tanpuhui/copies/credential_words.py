"""Credential words: what kinds of credentials, their states and the reasons of their steps are called on pages."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from tanpuhui.disclosure import follow_consent
from tanpuhui.offsetting import follow_annulment
from tanpuhui.transparency.credential_status import OPERATOR
from tanpuhui.transparency.credentials import kinds
from tanpuhui.transparency.models import Credential, StatusStep


def kind_name(kind: str) -> str:
    """What a credential is, by its ``vct``."""
    return {
        kinds.BALANCE: _("statement for a bank"),
        kinds.RETIREMENT: _("retirement certificate"),
        kinds.SURRENDER: _("surrender certificate"),
        kinds.PORTABILITY: _("record of an account"),
    }.get(kind, kind)


def state_name(state: str) -> str:
    """How a credential stands, in a word."""
    return {
        StatusStep.VALID: pgettext("credential", "valid"),
        StatusStep.SUSPENDED: pgettext("credential", "suspended"),
        StatusStep.REVOKED: pgettext("credential", "revoked"),
    }[state]


def by_name(by: str) -> str:
    """Who or what changed a status."""
    return {
        OPERATOR: pgettext("credential", "the operator"),
        follow_consent.BY: pgettext("credential", "the consent"),
        follow_annulment.BY: pgettext("credential", "an annulment"),
    }.get(by, by)


def reason_text(step: StatusStep) -> str:
    """Why a status changed: what the platform itself said in the reader's language, what a person wrote as it is."""
    if step.by == follow_consent.BY:
        return {
            follow_consent.GOES_ON: _("the consent goes on"),
            follow_consent.IS_PAUSED: _("the consent is paused"),
            follow_consent.ENDED: _("the consent ended"),
        }.get(step.reason, step.reason)
    if step.by == follow_annulment.BY:
        said, is_ours, lots = step.reason.partition(follow_annulment.ANNULLED)
        if is_ours and not said:
            return _("annulled since: {lots}").format(lots=lots)
        if step.reason == follow_annulment.REPLACED:
            return _("other tonnes stand in the place of the annulled ones")
    return step.reason


def standing_of(credential: Credential) -> dict[str, Any]:
    """How a credential stands for whoever holds it: its ``status``, ``why``, and ``since`` when."""
    last = max(credential.steps.all(), key=lambda one: one.sequence, default=None)
    if last is None:
        return {"status": StatusStep.VALID, "why": "", "since": credential.issued_at}
    return {"status": last.state, "why": reason_text(last), "since": last.at}
