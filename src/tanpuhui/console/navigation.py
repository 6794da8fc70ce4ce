"""Navigation: the sections of the console, in the order of the day's work."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Entry:
    """A section as a reader sees it."""

    text: str | Promise
    address: str
    is_here: bool


#: Groups of (text, name of the page).
GROUPS: tuple[tuple[str | Promise, tuple[tuple[str | Promise, str], ...]], ...] = (
    ("", ((_("Today"), "index"), (_("Approvals"), "access_approval_changelist"))),
    (
        _("Data in"),
        (
            (_("Providers"), "providers"),
            (_("Batches"), "evidence_batch_changelist"),
            (_("Refused rows"), "evidence_quarantinedrow_changelist"),
        ),
    ),
    (_("Rules"), ((_("Scenes"), "scenes"), (_("Methodologies"), "methodologies"))),
    (
        _("Residents"),
        (
            (_("Accounts"), "consent_resident_changelist"),
            (_("Grants"), "grants"),
            (_("Appeals"), "integrity_appeal_changelist"),
            (_("Held acts"), "integrity_flag_changelist"),
            (_("Requests"), "rights_request_changelist"),
            (_("Challenges"), "community_challenge_changelist"),
        ),
    ),
    (
        _("Credits"),
        (
            (_("Days due"), "due"),
            (_("Closes"), "close_manifest_changelist"),
            (_("Programmes"), "programme_programme_changelist"),
            (_("Verifications"), "verification_engagement_changelist"),
            (_("Lots"), "registry_lot_changelist"),
            (_("Serial ranges"), "registry_block_changelist"),
            (_("Moves of units"), "registry_movement_changelist"),
            (_("Annulments"), "registry_annulment_changelist"),
        ),
    ),
    (
        _("Offsetting"),
        (
            (_("Obligations"), "offsetting_obligation_changelist"),
            (_("Reservations"), "offsetting_reservation_changelist"),
            (_("Certificates"), "offsetting_certificate_changelist"),
        ),
    ),
    (
        _("Double counting"),
        (
            (_("Exclusion register"), "registry_exclusion_changelist"),
            (_("Units of other registries"), "registry_foreignunit_changelist"),
            (_("Conflicts"), "conflicts"),
        ),
    ),
    (
        _("Points"),
        (
            (_("Sponsors"), "points_sponsor_changelist"),
            (_("Offers"), "points_offer_changelist"),
            (_("Redemptions"), "points_redemption_changelist"),
            (_("Settlements"), "points_settlement_changelist"),
        ),
    ),
    (
        _("Market"),
        (
            (_("Members"), "market_membership_changelist"),
            (_("Listings"), "market_listing_changelist"),
            (_("Auctions"), "market_auction_changelist"),
            (_("Trades"), "market_trade_changelist"),
            (_("Rounds of pools"), "pooling_round_changelist"),
        ),
    ),
    (
        _("Money"),
        (
            (_("Payments to residents"), "pooling_withdrawal_changelist"),
            (_("Payments to organisations"), "money_withdrawal_changelist"),
            (_("Bank lines"), "money_bankline_changelist"),
        ),
    ),
    (
        _("Other platforms"),
        (
            (_("Platforms"), "federation_peer_changelist"),
            (_("Messages sent"), "federation_outgoing_changelist"),
            (_("Messages taken"), "federation_incoming_changelist"),
            (_("Evidence"), "federation_evidence_changelist"),
            (_("What was noticed"), "federation_finding_changelist"),
        ),
    ),
    (
        _("Control"),
        (
            (_("Credentials"), "transparency_credential_changelist"),
            (_("Jobs"), "console_job_changelist"),
            (_("Audit trail"), "access_auditentry_changelist"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[tuple[str | Promise, list[Entry]]]:
    """The groups with their entries; the section that the reader is in is marked."""
    start = reverse("console:index")
    groups = []
    for heading, entries in GROUPS:
        found = []
        for text, name in entries:
            address = reverse(f"console:{name}")
            is_here = request.path == address if address == start else request.path.startswith(address)
            found.append(Entry(text, address, is_here))
        groups.append((heading, found))
    return groups
