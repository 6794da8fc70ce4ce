"""Invariants of the market: what is offered is locked, both sides of what is settled moved, nothing is sold twice."""

from __future__ import annotations

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.connection import Connection
from tanpuhui.ledger.invariants import Finding, Invariant, exceptions

#: Everything that should have units locked, with its newest lock: open orders, and trades that wait for their money.
_OPEN = """
    SELECT 'listing' AS kind, l.id, l.lot_id,
        l.tonnes - coalesce((SELECT sum(t.tonnes) FROM market_trade t WHERE t.listing_id = l.id), 0) AS tonnes,
        (SELECT max(k.hold_id) FROM market_unit_lock k WHERE k.listing_id = l.id) AS hold
    FROM market_listing l WHERE NOT EXISTS (SELECT FROM market_listing_ending e WHERE e.listing_id = l.id)
    UNION ALL
    SELECT 'proposal', p.id, p.lot_id, p.tonnes,
        (SELECT max(k.hold_id) FROM market_unit_lock k WHERE k.proposal_id = p.id)
    FROM market_proposal p WHERE NOT EXISTS (SELECT FROM market_proposal_ending e WHERE e.proposal_id = p.id)
    UNION ALL
    SELECT 'auction', a.id, a.lot_id, a.tonnes,
        (SELECT max(k.hold_id) FROM market_unit_lock k WHERE k.auction_id = a.id)
    FROM market_auction a WHERE NOT EXISTS (SELECT FROM market_auction_ending e WHERE e.auction_id = a.id)
    UNION ALL
    SELECT 'trade', t.id, t.lot_id, t.tonnes, (SELECT k.hold_id FROM market_unit_lock k WHERE k.trade_id = t.id)
    FROM market_trade t WHERE NOT EXISTS (SELECT FROM market_trade_ending e WHERE e.trade_id = t.id)
"""
_HOLDS = """
    SELECT h.id, h.state, h.key, sum(l.amount) AS amount FROM ledger_hold h
    JOIN ledger_hold_line l ON l.hold_id = h.id WHERE h.state <> 'refused' GROUP BY h.id, h.state, h.key
"""

INVARIANTS = (
    Invariant(
        "offered_units_are_locked",
        "What is open on the market, and what waits for its money, has its tonnes under one open hold.",
        f"""
        SELECT 'market_' || o.kind AS tablename, format('id=%s', o.id) AS key,
            format('%s t, hold %s %s of %s mg', o.tonnes, o.hold, h.state, h.amount) AS found
        FROM ({_OPEN}) o LEFT JOIN ({_HOLDS}) h ON h.id = o.hold
        WHERE (h.state IS DISTINCT FROM 'open' OR h.amount <> o.tonnes * {TONNE_MG}::numeric)
            AND NOT EXISTS (SELECT FROM registry_annulment a WHERE a.lot_id = o.lot_id)
        """,
    ),
    Invariant(
        "locks_of_the_market_are_offered",
        "Every open hold of the market is that of something open.",
        f"""
        SELECT 'ledger_hold' AS tablename, format('id=%s', h.id) AS key, h.key AS found
        FROM ({_HOLDS}) h WHERE h.state = 'open' AND h.key LIKE 'lock:market:%'
            AND NOT EXISTS (SELECT FROM ({_OPEN}) o WHERE o.hold = h.id)
        """,
    ),
    Invariant(
        "settled_trades_moved_both_sides",
        "Of each settled trade its tonnes went from seller to buyer and its money from buyer to seller, and no more.",
        f"""
        SELECT 'market_trade' AS tablename, format('id=%s', t.id) AS key,
            format('%s t for %s %s, moved %s', t.tonnes, t.amount_minor, t.currency, m.moved) AS found
        FROM market_trade t JOIN market_trade_ending e ON e.trade_id = t.id AND e.outcome = 'settled'
        LEFT JOIN LATERAL (
            SELECT array_agg(format('%s %s %s', p.account_id, p.amount, a.code) ORDER BY a.code, p.amount) AS moved
            FROM ledger_posting p JOIN ledger_asset a ON a.id = p.asset_id
            WHERE p.tx_id IN (e.units_tx, e.money_tx) AND p.ref = t.id) m ON true
        CROSS JOIN LATERAL (
            SELECT (281474976710656 + t.seller_id) * 16 + 4 AS seller,
                (281474976710656 + t.buyer_id) * 16 + 4 AS buyer, t.tonnes * {TONNE_MG}::numeric AS mg) w
        WHERE m.moved IS DISTINCT FROM ARRAY[
            format('%s %s lot:%s', w.seller, -w.mg, t.lot_id), format('%s %s lot:%s', w.buyer, w.mg, t.lot_id),
            format('%s %s money:%s', w.buyer, -t.amount_minor, t.currency),
            format('%s %s money:%s', w.seller, t.amount_minor, t.currency)]
        """,
    ),
    Invariant(
        "buyers_pay_for_trades",
        "What a buyer paid on the market is the money of settled trades.",
        """
        SELECT 'ledger_transaction' AS tablename, format('id=%s', t.id) AS key, t.key AS found
        FROM ledger_transaction t WHERE t.reason = 'market.pay' AND t.state = 'posted'
            AND NOT EXISTS (SELECT FROM market_trade_ending e WHERE e.money_tx = t.id AND e.outcome = 'settled')
        ORDER BY t.id
        """,
    ),
    Invariant(
        "nothing_is_sold_twice",
        "Trades of a listing, a proposal or an auction are at most its tonnes, and each has serial numbers of its own.",
        """
        SELECT 'market_' || s.kind AS tablename, format('id=%s', s.id) AS key,
            format('%s t offered, %s t sold', s.tonnes, s.sold) AS found
        FROM (SELECT 'listing' AS kind, l.id, l.tonnes, sum(t.tonnes) AS sold
              FROM market_listing l JOIN market_trade t ON t.listing_id = l.id GROUP BY l.id
              UNION ALL
              SELECT 'proposal', p.id, p.tonnes, sum(t.tonnes)
              FROM market_proposal p JOIN market_trade t ON t.proposal_id = p.id GROUP BY p.id
              UNION ALL
              SELECT 'auction', a.id, a.tonnes, sum(t.tonnes)
              FROM market_auction a JOIN market_trade t ON t.auction_id = a.id GROUP BY a.id) s
        WHERE s.sold > s.tonnes
        UNION ALL
        SELECT 'market_trade', format('id=%s', t.id), format('%s t, serials of %s t', t.tonnes, coalesce(r.tonnes, 0))
        FROM market_trade t JOIN market_trade_ending e ON e.trade_id = t.id AND e.outcome = 'settled'
        LEFT JOIN LATERAL (SELECT sum((one ->> 1)::bigint - (one ->> 0)::bigint + 1) AS tonnes
                           FROM jsonb_array_elements(e.ranges) AS one) r ON true
        WHERE coalesce(r.tonnes, 0) <> t.tonnes
        """,
    ),
    Invariant(
        "open_bids_hold_their_money",
        "A bid has all that it can cost under an open hold until its auction ends, and nothing after.",
        f"""
        SELECT 'market_bid' AS tablename, format('id=%s', b.id) AS key,
            format('%s t at %s, hold %s of %s', b.tonnes, b.price_minor, h.state, h.amount) AS found
        FROM market_bid b LEFT JOIN market_bid_ending e ON e.bid_id = b.id LEFT JOIN ({_HOLDS}) h ON h.id = b.hold_id
        WHERE h.amount IS DISTINCT FROM b.tonnes::numeric * b.price_minor
            OR h.state IS DISTINCT FROM CASE WHEN e.bid_id IS NULL THEN 'open' ELSE 'released' END
        """,
    ),
)


def check(connection: Connection) -> list[Finding]:
    """Rows that break an invariant of the market; names up to 20 of each."""
    return [finding for invariant in INVARIANTS for finding in exceptions(connection, invariant)]
