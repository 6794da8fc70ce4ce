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
    bank_lines,
    challenges,
    closes,
    control,
    credentials,
    double_counting,
    evidence,
    federation,
    grants,
    held,
    lots,
    market,
    offsetting,
    points,
    pools,
    programmes,
    requests,
    rules,
    today,
    units,
    verifications,
)
from tanpuhui.console.guard import View, console_page
from tanpuhui.console.lists import ReadOnlyList
from tanpuhui.console.models import Job
from tanpuhui.console.site import ConsoleSite
from tanpuhui.evidence.models import Batch, QuarantinedRow
from tanpuhui.federation.models import Evidence, Finding, Incoming, Outgoing, Peer
from tanpuhui.integrity.models import Appeal, Flag
from tanpuhui.market.models import Auction, Listing, Membership, Trade
from tanpuhui.money.models import BankLine
from tanpuhui.money.models import Withdrawal as CompanyPayment
from tanpuhui.offsetting.models import Certificate, Obligation, Reservation
from tanpuhui.points.models import Offer, Redemption, Settlement, Sponsor
from tanpuhui.pooling.models import Round
from tanpuhui.pooling.models import Withdrawal as ResidentPayment
from tanpuhui.programme.models import Programme
from tanpuhui.registry.models import Annulment, Block, Exclusion, ForeignUnit, Lot, Movement
from tanpuhui.rights.models import Request
from tanpuhui.transparency.models import Credential
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
    ("conflicts/", double_counting.conflicts, "conflicts"),
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
    ("lots/<slug:lot>/transfer", units.TransferUnits.as_view(), "lot_transfer"),
    ("lots/<slug:lot>/cancel", units.CancelUnits.as_view(), "lot_cancel"),
    ("lots/<slug:lot>/fill-buffer", units.FillBuffer.as_view(), "lot_fill_buffer"),
    ("lots/<slug:lot>/pay-from-buffer", units.PayFromBuffer.as_view(), "lot_pay_from_buffer"),
    ("lots/<slug:lot>/annul", units.AnnulLot.as_view(), "lot_annul"),
    ("conflicts/<slug:conflict>/review", double_counting.ReviewConflict.as_view(), "conflict_review"),
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
    ("held/<int:flag>/release", held.ReleaseAct.as_view(), "act_release"),
    ("held/<int:flag>/confirm", held.ConfirmAct.as_view(), "act_confirm"),
    ("requests/<uuid:request_id>/in-hand", requests.TakeInHand.as_view(), "request_in_hand"),
    ("requests/<uuid:request_id>/done", requests.Done.as_view(), "request_done"),
    ("requests/<uuid:request_id>/refuse", requests.RefuseRequest.as_view(), "request_refuse"),
    ("requests/<uuid:request_id>/erase", requests.AskErase.as_view(), "request_erase"),
    ("challenges/announce", challenges.AnnounceChallenge.as_view(), "challenge_announce"),
    ("challenges/<slug:challenge>/count", challenges.CountChallenge.as_view(), "challenge_count"),
    ("sponsors/open", points.OpenSponsor.as_view(), "sponsor_open"),
    ("sponsors/<slug:sponsor>/fund", points.FundSponsor.as_view(), "sponsor_fund"),
    ("settlements/settle", points.Settle.as_view(), "settle"),
    ("bank-lines/import", bank_lines.ImportStatement.as_view(), "bank_import"),
    ("market/members/admit", market.AdmitMember.as_view(), "market_admit"),
    ("market/members/suspend", market.SuspendMember.as_view(), "market_suspend"),
    ("market/listings/<int:listing>/cancel", market.CancelListing.as_view(), "market_cancel_listing"),
    ("market/auctions/open", market.OpenAuction.as_view(), "market_open_auction"),
    ("market/auctions/<int:auction>/clear", market.ClearAuction.as_view(), "market_clear"),
    ("market/auctions/<int:auction>/cancel", market.CancelAuction.as_view(), "market_cancel_auction"),
    ("pool-rounds/open", pools.OpenRound.as_view(), "pool_open_round"),
    ("pool-rounds/<int:round>/sell", pools.SellOfRound.as_view(), "pool_sell"),
    ("pool-rounds/<int:round>/offer", pools.OfferOfRound.as_view(), "pool_offer"),
    ("pool-rounds/<int:round>/settle", pools.SettleRound.as_view(), "pool_settle"),
    ("pool-rounds/<int:round>/take-back", pools.TakeBack.as_view(), "pool_take_back"),
    ("pool-rounds/<int:round>/close", pools.CloseRound.as_view(), "pool_close_round"),
    ("pool-sales/<int:sale>/pay-out", pools.PayOutSale.as_view(), "pool_pay_out"),
    ("payments-to-residents/list", pools.PayList.as_view(), "pool_pay_list"),
    ("credentials/<int:number>/suspend", credentials.SuspendCredential.as_view(), "credential_suspend"),
    ("credentials/<int:number>/restore", credentials.RestoreCredential.as_view(), "credential_restore"),
    ("credentials/<int:number>/revoke", credentials.RevokeCredential.as_view(), "credential_revoke"),
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
    Flag: held.HeldList,
    Request: requests.RequestList,
    Challenge: challenges.ChallengeList,
    Manifest: closes.CloseList,
    Programme: programmes.ProgrammeList,
    Engagement: verifications.EngagementList,
    Lot: lots.LotList,
    Block: units.BlockList,
    Movement: units.MovementList,
    Annulment: units.AnnulmentList,
    Obligation: offsetting.ObligationList,
    Reservation: offsetting.ReservationList,
    Certificate: offsetting.CertificateList,
    Exclusion: double_counting.ExclusionList,
    ForeignUnit: double_counting.ForeignUnitList,
    Sponsor: points.SponsorList,
    Offer: points.OfferList,
    Redemption: points.RedemptionList,
    Settlement: points.SettlementList,
    Membership: market.MemberList,
    Listing: market.ListingList,
    Auction: market.AuctionList,
    Trade: market.TradeList,
    Round: pools.RoundList,
    ResidentPayment: pools.ResidentPaymentList,
    CompanyPayment: pools.CompanyPaymentList,
    BankLine: bank_lines.BankLineList,
    Peer: federation.PeerList,
    Outgoing: federation.OutgoingList,
    Incoming: federation.IncomingList,
    Evidence: federation.EvidenceList,
    Finding: federation.FindingList,
    Credential: credentials.CredentialList,
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
