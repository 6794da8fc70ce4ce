"""Sealed tables: whose rows are sealed, and by which columns.

First what certified reductions rest on, then settlement: what was bought, sold, redeemed, offered, said and paid, then
what verifiers found. A
row that says how something ended is written later than others of larger numbers, so those tables have a ``row_id``:
the order in which rows were written, which the database gives out.

Not sealed, since they are no facts: what was answered to an order under its key (``*_answer``: the rows that it made
are sealed); messages to banks and what came of them (``points_outbox``, ``_attempt``, ``_delivery``, ``_callback``);
and counters that change (``points_stripe``, ``points_use``: what is left and everybody's limit are reckoned again from
redemptions, by the invariants of points).
"""

from __future__ import annotations

from dataclasses import dataclass

#: The order in which rows were written, of tables whose keys come in any order.
ROW_ID = "row_id"


@dataclass(frozen=True)
class Sealed:
    """A table whose rows are sealed: the column that numbers them, those that name a row, and all that are digested.

    ``of`` names a sealed table whose numbers these rows share, and with which they were committed. ``rows_each`` is SQL
    over a row ``p``: about how many of such rows come with it, where there may be very many.
    """

    table: str
    number: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    of: str = ""
    rows_each: str = ""


CERTIFIED = (
    Sealed("ledger_asset", "id", ("id",), ("id", "code", "unit")),
    Sealed(
        "ledger_batch",
        "id",
        ("id",),
        (
            "id",
            "key",
            "content_digest",
            "manifest",
            "reason",
            "effective_on",
            "posted_at",
            "transaction_ids",
            "legs",
            "credited",
            "debited",
        ),
    ),
    Sealed(
        "ledger_transaction",
        "id",
        ("id",),
        (
            "id",
            "key",
            "content_digest",
            "reason",
            "state",
            "refusal",
            "effective_on",
            "posted_at",
            "posted_on",
            "reverses",
            "batch_id",
            "manifest",
        ),
        rows_each="(SELECT a.legs FROM ledger_applied a WHERE a.tx_id = p.id)",
    ),
    Sealed(
        "ledger_posting",
        "tx_id",
        ("tx_id", "leg", "account_id", "asset_id"),
        ("tx_id", "account_id", "amount", "ref", "asset_id", "posted_on", "leg", "code", "stream"),
        of="ledger_transaction",
    ),
    Sealed(
        "ledger_detached_month",
        "id",
        ("id",),
        ("id", "month", "legs", "amount_mg", "bytes", "digest", "detached_at"),
    ),
    Sealed(
        "registry_movement",
        "id",
        ("id",),
        (
            "id",
            "verb",
            "key",
            "lot_id",
            "first",
            "last",
            "from_state",
            "from_owner",
            "to_state",
            "to_owner",
            "said",
            "made_at",
        ),
    ),
    Sealed(
        "registry_reported",
        "id",
        ("id",),
        (
            "id",
            "key",
            "district",
            "day",
            "subject",
            "manifest",
            "credited_mg",
            "below_mg",
            "activities",
            "lines",
            "reported_at",
        ),
    ),
    Sealed(
        "registry_left_out",
        "id",
        ("id",),
        ("id", "lot_id", "market", "clause", "source", "accounts", "amount_mg"),
    ),
    Sealed("registry_certifier", "id", ("id",), ("id", "registry", "since")),
    Sealed("close_frozenday", "id", ("id",), ("id", "day", "methodology", "lot")),
    Sealed(
        "offsetting_obligation",
        "id",
        ("id",),
        (
            "id",
            "company",
            "jurisdiction",
            "year",
            "sequence",
            "verified_emissions_mg",
            "allowances_mg",
            "source",
            "declared_at",
        ),
    ),
    Sealed(
        "offsetting_year_rules",
        "id",
        ("id",),
        ("id", "jurisdiction", "year", "cap", "pool", "digest", "fixed_at"),
    ),
    Sealed(
        "offsetting_reservation",
        "id",
        ("id",),
        (
            "id",
            "key",
            "content_digest",
            "company",
            "jurisdiction",
            "year",
            "amount_mg",
            "used_before_mg",
            "cap_mg",
            "rule",
            "pool_used_before_mg",
            "pool_mg",
            "hold",
            "ranges",
            "reserved_at",
        ),
    ),
    Sealed(
        "offsetting_replacement",
        "id",
        ("id",),
        ("id", "key", "reservation_id", "lot", "amount_mg", "ranges", "replaced_at"),
    ),
    Sealed(
        "offsetting_voluntary_retirement",
        "id",
        ("id",),
        (
            "id",
            "key",
            "content_digest",
            "company",
            "jurisdiction",
            "amount_mg",
            "beneficiary",
            "purpose",
            "rule",
            "ranges",
            "retired_at",
        ),
    ),
    Sealed(
        "offsetting_certificate",
        "sequence",
        ("number",),
        (
            "number",
            "sequence",
            "company",
            "reservation_id",
            "retirement_id",
            "content",
            "digest",
            "jws",
            "issued_at",
        ),
    ),
    Sealed("offsetting_certificate_range", "id", ("id",), ("id", "certificate_id", "first", "last")),
    Sealed(
        "registry_private_release",
        "id",
        ("id",),
        ("id", "month", "year", "epsilon", "limit_epsilon", "digest", "body", "published_at"),
    ),
    Sealed(
        "transparency_credential",
        "id",
        ("id",),
        (
            "id",
            "kind",
            "subject",
            "sequence",
            "status_list",
            "status_index",
            "jwt",
            "issued_at",
            "expires_at",
        ),
    ),
)


def _listed(table: str, columns: str, *, named: str = "id") -> Sealed:
    """A table with its columns in one line; named by another table's number it has a ``row_id``."""
    return Sealed(table, "id" if named == "id" else ROW_ID, (named,), tuple(columns.split()))


SETTLEMENT = (
    _listed("money_bank_file", "id digest statement lines_count at"),
    _listed(
        "money_bank_line",
        "id file_id number entry reference amount_minor currency is_debit booked_on fingerprint identity "
        "claimant subject why_not",
    ),
    _listed("money_withdrawal", "id organisation_id amount_minor currency hold_id at"),
    _listed("money_booking", "line_id account_id currency amount_minor tx_id at row_id", named="line_id"),
    _listed("money_withdrawal_ending", "withdrawal_id outcome line_id at row_id", named="withdrawal_id"),
    _listed("points_funding", "id sponsor_id reference amount_minor tx_id line_id at"),
    _listed(
        "points_conversion",
        "id sponsor_id account points amount_mg mg_per_point consumed jurisdiction rule tx_id expires_at at",
    ),
    _listed("points_conversion_line", "id conversion_id account asset amount_mg"),
    _listed(
        "points_purchase",
        "id key sponsor_id buyer_id points point_value_minor amount_minor residents tx_id expires_at at",
    ),
    _listed("points_take_back", "id conversion_id account clawed_back_mg points lost_points tx_id at"),
    _listed("points_earning", "id sponsor_id account points via tx_id expires_at at"),
    _listed(
        "points_offer",
        "id code kind organisation_id sponsor_id title_zh title_en text_zh text_en price_points stock "
        "budget_points per_person per_person_day per_day starts_at ends_at code_s offline_s "
        "offline_points made_at",
    ),
    _listed("points_terms", "id offer_id least_kg rate_discount_bp text_zh text_en"),
    _listed(
        "points_redemption",
        "id key content_digest offer_id organisation_id sponsor_id account quantity points state refusal "
        "hold_id terms_id grant_id day opened_at good_until expires_at",
    ),
    _listed("points_refund", "id redemption_id organisation_id sponsor_id points reason tx_id at"),
    _listed(
        "points_settlement",
        "id reference organisation_id sponsor_id points amount_minor currency lines_count tx_id "
        "through_at at",
    ),
    _listed(
        "points_settlement_line",
        "id settlement_id redemption_id refund_id points amount_minor booked_at",
    ),
    _listed(
        "points_sponsor",
        "organisation_id code currency point_value_minor points_asset money_asset opened_at row_id",
        named="organisation_id",
    ),
    _listed("points_stop", "offer_id reason at row_id", named="offer_id"),
    _listed(
        "points_closing",
        "redemption_id key content_digest state organisation_id sponsor_id quantity points tx_id at row_id",
        named="redemption_id",
    ),
    _listed("points_payment", "settlement_id line_id tx_id row_id", named="settlement_id"),
    _listed("market_membership", "id organisation_id state group reason at"),
    _listed("market_listing", "id seller_id lot_id tonnes price_minor currency rule expires_at at"),
    _listed(
        "market_proposal",
        "id seller_id lot_id tonnes price_minor currency rule expires_at at buyer_id",
    ),
    _listed("market_auction", "id seller_id lot_id tonnes price_minor currency rule expires_at at"),
    _listed("market_bid", "id auction_id buyer_id price_minor tonnes hold_id at"),
    _listed(
        "market_trade",
        "id way seller_id buyer_id lot_id product tonnes price_minor amount_minor currency listing_id "
        "proposal_id auction_id bid_id pay_by at",
    ),
    _listed("market_listing_ending", "outcome reason at listing_id row_id", named="listing_id"),
    _listed("market_proposal_ending", "outcome reason at proposal_id row_id", named="proposal_id"),
    _listed(
        "market_auction_ending",
        "outcome reason at auction_id price_minor sold_t above_t at_price_t row_id",
        named="auction_id",
    ),
    _listed("market_bid_ending", "bid_id tonnes why row_id", named="bid_id"),
    _listed(
        "market_trade_ending",
        "trade_id outcome day units_tx money_tx ranges line_id at row_id",
        named="trade_id",
    ),
    _listed(
        "market_unit_lock",
        "hold_id seller_id lot_id tonnes listing_id proposal_id auction_id trade_id at row_id",
        named="hold_id",
    ),
    _listed("pooling_terms", "id pool_id account grant_id min_price_minor vintages said_at"),
    _listed(
        "pooling_round",
        "id key content_digest pool_id lot vintage tonnes price_minor residents opened_at",
    ),
    _listed("pooling_share", "id round_id account grant_number amount_mg"),
    _listed("pooling_keeping", "id round_id hold tonnes kept_at"),
    _listed(
        "pooling_sale",
        "id key content_digest round_id via reference buyer tonnes price_minor amount_minor currency "
        "ranges sold_at",
    ),
    _listed(
        "pooling_sale_share",
        "id sale_id account amount_mg amount_minor points point_value_minor money_minor",
    ),
    _listed("pooling_returned", "id closing_id account amount_mg"),
    _listed("pooling_withdrawal", "id key account amount_minor currency hold_id asked_at"),
    _listed(
        "pooling_pool",
        "organisation_id code jurisdiction currency pays sponsor_id opened_at row_id",
        named="organisation_id",
    ),
    _listed("pooling_offering", "listing_id round_id key tonnes listed_at row_id", named="listing_id"),
    _listed(
        "pooling_pay_out",
        "sale_id key money_minor points points_minor residents paid_at row_id",
        named="sale_id",
    ),
    _listed("pooling_closing", "round_id tonnes_back annulled closed_at row_id", named="round_id"),
    _listed(
        "pooling_withdrawal_ending",
        "withdrawal_id outcome line_id ended_at row_id",
        named="withdrawal_id",
    ),
    _listed("offsetting_ending", "reservation_id outcome key ended_at row_id", named="reservation_id"),
)
#: A verifier's work: keys and statements are facts, with a leaf each.
VERIFICATION = (
    _listed(
        "verification_engagement",
        "id key content_digest operator opened_by jurisdiction lot methodology vintage through manifests "
        "data_digest acts materiality_ppm materiality_source opened_at verifier_id",
    ),
    _listed(
        "verification_recalculation", "id agrees rows credited_mg closes engine code made_at engagement_id"
    ),
    _listed("verification_completeness", "id balances report made_at engagement_id"),
    _listed(
        "verification_plan",
        "id nonce_digest platform_nonce data_digest body digest size committed_at engagement_id",
    ),
    _listed("verification_draw", "id nonce seed digest drawn_at engagement_id"),
    _listed(
        "verification_sampled_act",
        "id position stratum record_id account manifest provider kind credited_mg draw_id",
    ),
    _listed(
        "verification_examination", "id sequence verdict right_mg note made_at by_id engagement_id act_id"
    ),
    _listed("verification_finding", "id number severity text asked raised_at by_id engagement_id"),
    _listed("verification_finding_step", "id sequence step text made_at by_id engagement_id finding_id"),
    _listed("verification_statement_of", "id methodology manifest acts statement_id"),
)
TABLES = (*CERTIFIED, *SETTLEMENT, *VERIFICATION)
