"""Addresses: every page of the console, each with its guard."""

from __future__ import annotations

from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from tanpuhui.access.models import Approval, AuditEntry
from tanpuhui.close.models import Manifest
from tanpuhui.community.models import Challenge
from tanpuhui.consent.models import Resident
from tanpuhui.console import (
    accounts,
    appeals,
    challenges,
    closes,
    control,
    evidence,
    grants,
    lots,
    requests,
    rules,
    today,
    verifications,
)
from tanpuhui.console.guard import View, console_page
from tanpuhui.console.lists import ReadOnlyList
from tanpuhui.console.models import Job
from tanpuhui.console.site import ConsoleSite
from tanpuhui.evidence.models import Batch, QuarantinedRow
from tanpuhui.integrity.models import Appeal
from tanpuhui.registry.models import Lot
from tanpuhui.rights.models import Request
from tanpuhui.verification.models import Engagement

METHODOLOGY = "methodologies/<slug:place>/<slug:name>/<int:version>/"

#: What can be looked at: (address, view, name).
PAGES: tuple[tuple[str, View, str], ...] = (
    ("", today.index, "index"),
    ("providers/", evidence.providers, "providers"),
    ("providers/<slug:provider>/", evidence.provider, "provider"),
    ("scenes/", rules.scenes, "scenes"),
    ("methodologies/", rules.methodologies, "methodologies"),
    (METHODOLOGY, rules.methodology, "methodology"),
    (f"{METHODOLOGY}compare", rules.methodology_compare, "methodology_compare"),
    ("grants/", grants.grants, "grants"),
    ("due/", closes.due_page, "due"),
    ("closes/<str:digest>/manifest.json", closes.manifest_json, "close_json"),
)
#: What can be done, each on a page of its own; these have their guard themselves.
VERBS: tuple[tuple[str, View, str], ...] = (
    ("providers/<slug:provider>/disable", evidence.DisableProvider.as_view(), "provider_disable"),
    ("rows/<int:number>/open", evidence.OpenRow.as_view(), "row_open"),
    (f"{METHODOLOGY}effect", rules.EffectPage.as_view(), "methodology_effect"),
    ("due/<str:day>/close", closes.CloseDay.as_view(), "close_day"),
    ("due/<str:day>/reopen", closes.ReopenDay.as_view(), "close_reopen"),
    ("closes/<str:digest>/replay", closes.ReplayClose.as_view(), "close_replay"),
    ("verifications/open", verifications.OpenEngagement.as_view(), "verification_open"),
    (
        "verifications/<int:number>/findings/<int:finding>/answer",
        verifications.AnswerFinding.as_view(),
        "finding_answer",
    ),
    ("lots/certify", lots.CertifyLot.as_view(), "lot_certify"),
    ("accounts/find", accounts.FindAccount.as_view(), "account_find"),
    ("accounts/<int:account>/freeze", accounts.Freeze.as_view(), "account_freeze"),
    ("accounts/<int:account>/unfreeze", accounts.Unfreeze.as_view(), "account_unfreeze"),
    ("accounts/<int:account>/claw-back", accounts.ClawBack.as_view(), "account_claw_back"),
    ("accounts/<int:account>/identity", accounts.AskIdentity.as_view(), "account_identity"),
    (
        "accounts/<int:account>/identity/<uuid:approval>",
        accounts.OpenIdentity.as_view(),
        "account_identity_open",
    ),
    ("appeals/<int:appeal>/answer", appeals.AnswerAppeal.as_view(), "appeal_answer"),
    ("requests/<uuid:request_id>/in-hand", requests.TakeInHand.as_view(), "request_in_hand"),
    ("requests/<uuid:request_id>/done", requests.Done.as_view(), "request_done"),
    ("requests/<uuid:request_id>/refuse", requests.RefuseRequest.as_view(), "request_refuse"),
    ("challenges/announce", challenges.AnnounceChallenge.as_view(), "challenge_announce"),
    ("challenges/<slug:challenge>/count", challenges.CountChallenge.as_view(), "challenge_count"),
    ("approvals/<uuid:approval>/agree", control.Agree.as_view(), "approval_agree"),
    ("approvals/<uuid:approval>/deny", control.Deny.as_view(), "approval_deny"),
    ("jobs/check-ledger", control.CheckLedger.as_view(), "ledger_check"),
)
LISTS = {
    Approval: control.ApprovalList,
    Batch: evidence.BatchList,
    QuarantinedRow: evidence.RowList,
    Resident: accounts.AccountList,
    Appeal: appeals.AppealList,
    Request: requests.RequestList,
    Challenge: challenges.ChallengeList,
    Manifest: closes.CloseList,
    Engagement: verifications.EngagementList,
    Lot: lots.LotList,
    Job: control.JobList,
    AuditEntry: control.AuditList,
}


def addresses(site: ConsoleSite) -> list[URLPattern]:
    """All of them; verbs stand before the pages of rows, whose address would take theirs for a key."""
    found = [path(place, console_page(require_safe(view)), name=name) for place, view, name in PAGES]
    found += [path(place, view, name=name) for place, view, name in VERBS]
    for model, kind in LISTS.items():
        if not site.is_registered(model):
            site.register(model, kind)
        shown = site.get_model_admin(model)
        assert isinstance(shown, ReadOnlyList)
        found += shown.addresses()
    return found
