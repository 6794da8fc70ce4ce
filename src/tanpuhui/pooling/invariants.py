"""Invariants of pooling: what was lent, sold, paid and given back adds up, and the registry has what rounds keep."""

from __future__ import annotations

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import FIRST_ORGANISATION
from tanpuhui.ledger.connection import Connection
from tanpuhui.ledger.invariants import Finding, Invariant, exceptions

INVARIANTS = (
    Invariant(
        "shares_of_a_round_are_its_tonnes",
        "What residents lent to a round is its tonnes, and as much was gathered from them for it.",
        f"""
        SELECT 'pooling_round' AS tablename, format('id=%s', r.id) AS key,
            format('%s t, shares sum to %s mg, %s mg were gathered', r.tonnes, coalesce(s.amount_mg, 0),
                coalesce(b.debited, 0)) AS found
        FROM pooling_round r
        LEFT JOIN (SELECT round_id, sum(amount_mg) AS amount_mg FROM pooling_share GROUP BY 1) s ON s.round_id = r.id
        LEFT JOIN ledger_batch b ON b.key = 'gather:pool-round:' || r.key
        WHERE r.tonnes::numeric * {TONNE_MG} IS DISTINCT FROM s.amount_mg
            OR r.tonnes::numeric * {TONNE_MG} IS DISTINCT FROM b.debited
        ORDER BY r.id
        """,
    ),
    Invariant(
        "sales_are_their_shares",
        "A sale took its tonnes from residents and owes them its amount, each within what they lent.",
        f"""
        SELECT 'pooling_sale' AS tablename, format('id=%s', a.id) AS key,
            format('%s t for %s, shares have %s mg and %s', a.tonnes, a.amount_minor, coalesce(h.amount_mg, 0),
                coalesce(h.amount_minor, 0)) AS found
        FROM pooling_sale a
        LEFT JOIN (SELECT sale_id, sum(amount_mg) AS amount_mg, sum(amount_minor) AS amount_minor
                   FROM pooling_sale_share GROUP BY 1) h ON h.sale_id = a.id
        WHERE a.tonnes::numeric * {TONNE_MG} IS DISTINCT FROM h.amount_mg
            OR a.amount_minor IS DISTINCT FROM h.amount_minor
        UNION ALL
        SELECT 'pooling_share', format('round=%s account=%s', s.round_id, s.account),
            format('%s mg lent, %s mg sold or given back', s.amount_mg, g.amount_mg)
        FROM pooling_share s JOIN (
            SELECT round_id, account, sum(amount_mg) AS amount_mg FROM (
                SELECT a.round_id, h.account, h.amount_mg
                FROM pooling_sale_share h JOIN pooling_sale a ON a.id = h.sale_id
                UNION ALL SELECT closing_id, account, amount_mg FROM pooling_returned) gone GROUP BY 1, 2) g
            ON g.round_id = s.round_id AND g.account = s.account
        WHERE g.amount_mg > s.amount_mg ORDER BY 2
        """,
    ),
    Invariant(
        "buyers_pay_for_sales",
        "What a company paid to a pool is the price of a direct sale, and each of those was paid.",
        """
        SELECT 'pooling_sale' AS tablename, format('key=%s', coalesce(a.key, t.key)) AS key,
            format('%s due, %s paid', coalesce(a.amount_minor, 0), coalesce(t.amount, 0)) AS found
        FROM (SELECT key, amount_minor FROM pooling_sale WHERE via = 'direct') a
        FULL JOIN (SELECT 'direct:' || substring(t.key FROM 11) AS key, sum(p.amount) AS amount
                   FROM ledger_transaction t JOIN ledger_posting p ON p.tx_id = t.id AND p.posted_on = t.posted_on
                   WHERE t.reason = 'pool_sale' AND p.amount > 0 GROUP BY 1) t ON t.key = a.key
        WHERE a.amount_minor IS DISTINCT FROM t.amount ORDER BY 2
        """,
    ),
    Invariant(
        "closed_rounds_sold_or_gave_back",
        "Of a closed round everything was sold or went back to those who lent it, but where its lot was annulled.",
        f"""
        SELECT 'pooling_closing' AS tablename, format('round=%s', c.round_id) AS key,
            format('%s t, %s t sold, %s mg back, %s mg in the ledger', r.tonnes, coalesce(a.tonnes, 0),
                coalesce(b.amount_mg, 0), coalesce(l.credited, 0)) AS found
        FROM pooling_closing c JOIN pooling_round r ON r.id = c.round_id
        LEFT JOIN (SELECT round_id, sum(tonnes) AS tonnes FROM pooling_sale GROUP BY 1) a ON a.round_id = c.round_id
        LEFT JOIN (SELECT closing_id, sum(amount_mg) AS amount_mg FROM pooling_returned GROUP BY 1) b
            ON b.closing_id = c.round_id
        LEFT JOIN ledger_batch l ON l.key = 'give_back:pool-close:' || c.round_id
        WHERE coalesce(b.amount_mg, 0) <> c.tonnes_back::numeric * {TONNE_MG}
            OR coalesce(l.credited, 0) <> coalesce(b.amount_mg, 0)
            OR NOT c.annulled AND coalesce(a.tonnes, 0) + c.tonnes_back <> r.tonnes
        ORDER BY c.round_id
        """,
    ),
    Invariant(
        "open_rounds_keep_what_is_left",
        "What an open round has not sold is locked for it or on the market, unless its lot was annulled.",
        f"""
        SELECT 'pooling_round' AS tablename, format('id=%s', r.id) AS key,
            format('%s t, %s t sold, %s t kept, %s t on the market, %s t free', r.tonnes, coalesce(a.tonnes, 0),
                coalesce(k.tonnes, 0), m.tonnes, f.tonnes) AS found
        FROM pooling_round r
        -- Of listings that are open, what nobody took; of trades, those that wait and those that are not sales yet.
        CROSS JOIN LATERAL (
            SELECT (SELECT coalesce(sum(l.tonnes - (SELECT coalesce(sum(t.tonnes), 0) FROM market_trade t
                                                    WHERE t.listing_id = l.id)), 0)
                    FROM pooling_offering o JOIN market_listing l ON l.id = o.listing_id
                    WHERE o.round_id = r.id
                        AND NOT EXISTS (SELECT FROM market_listing_ending e WHERE e.listing_id = l.id))
                + (SELECT coalesce(sum(t.tonnes), 0)
                   FROM pooling_offering o JOIN market_trade t ON t.listing_id = o.listing_id
                   LEFT JOIN market_trade_ending e ON e.trade_id = t.id
                   WHERE o.round_id = r.id AND (e.trade_id IS NULL OR e.outcome = 'settled' AND NOT EXISTS (
                       SELECT FROM pooling_sale s WHERE s.key = format('market:TPM-%s', lpad(t.id::text, 9, '0')))))
                AS tonnes) m
        -- What came back from the market and is not locked again yet.
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(b.last - b.first + 1), 0) AS tonnes FROM registry_block b
            WHERE b.closed_at IS NULL AND b.state = 'held' AND b.lot_id = r.lot
                AND b.owner = r.pool_id + {FIRST_ORGANISATION}
                AND EXISTS (SELECT FROM pooling_offering o WHERE o.round_id = r.id)) f
        LEFT JOIN (SELECT round_id, sum(tonnes) AS tonnes FROM pooling_sale GROUP BY 1) a ON a.round_id = r.id
        LEFT JOIN (SELECT k.round_id, sum(b.last - b.first + 1) AS tonnes FROM pooling_keeping k
                   JOIN registry_block b ON b.hold = k.hold AND b.closed_at IS NULL AND b.state = 'locked'
                   JOIN pooling_round q ON q.id = k.round_id AND b.lot_id = q.lot
                       AND b.owner = q.pool_id + {FIRST_ORGANISATION} GROUP BY 1) k ON k.round_id = r.id
        WHERE NOT EXISTS (SELECT FROM pooling_closing c WHERE c.round_id = r.id)
            AND NOT EXISTS (SELECT FROM registry_annulment n WHERE n.lot_id = r.lot)
            AND r.tonnes - coalesce(a.tonnes, 0) - coalesce(k.tonnes, 0) - m.tonnes NOT BETWEEN 0 AND f.tonnes
        ORDER BY r.id
        """,
    ),
    Invariant(
        "sales_are_paid_once",
        "A pay-out is what its sale owes, the ledger paid each resident just that, and nothing without one.",
        """
        SELECT 'pooling_pay_out' AS tablename, format('sale=%s', coalesce(o.sale_id::text, l.sale)) AS key,
            format('%s in money and %s in points of %s, the ledger paid %s and %s points', coalesce(o.money_minor, 0),
                coalesce(o.points, 0), a.amount_minor, coalesce(l.credited, 0), coalesce(b.points, 0)) AS found
        FROM pooling_pay_out o JOIN pooling_sale a ON a.id = o.sale_id
        FULL JOIN (SELECT substring(key FROM 10) AS sale, credited FROM ledger_batch WHERE reason = 'pool_pay') l
            ON l.sale = o.sale_id::text
        LEFT JOIN points_purchase b ON b.key = 'pool_pay:' || o.sale_id
        WHERE o.sale_id IS NULL OR o.money_minor + o.points_minor <> a.amount_minor
            OR o.money_minor <> coalesce(l.credited, 0) OR o.points <> coalesce(b.points, 0)
        UNION ALL
        SELECT 'pooling_sale_share', format('sale=%s account=%s', h.sale_id, h.account),
            format('%s due, %s paid', h.money_minor, coalesce(p.amount, 0))
        FROM pooling_sale_share h JOIN pooling_pay_out o ON o.sale_id = h.sale_id
        LEFT JOIN (SELECT b.key, p.account_id, sum(p.amount) AS amount
                   FROM ledger_batch b CROSS JOIN unnest(b.transaction_ids) AS t (tx_id)
                   JOIN ledger_posting p ON p.tx_id = t.tx_id WHERE b.reason = 'pool_pay' GROUP BY 1, 2) p
            ON p.key = 'pool_pay:' || h.sale_id AND p.account_id = h.account * 16 + 15
        WHERE h.money_minor <> coalesce(p.amount, 0) ORDER BY 2
        """,
    ),
    Invariant(
        "residents_withdrawals_hold_what_is_not_paid",
        "An open withdrawal of a resident holds its amount; a paid one was captured, a cancelled one let go.",
        """
        SELECT 'pooling_withdrawal' AS tablename, format('id=%s', w.id) AS key,
            format('%s of %s, hold %s of %s', coalesce(e.outcome, 'open'), w.amount_minor, h.state, h.amount) AS found
        FROM pooling_withdrawal w LEFT JOIN pooling_withdrawal_ending e ON e.withdrawal_id = w.id
        LEFT JOIN LATERAL (
            SELECT h.state, sum(l.amount) AS amount FROM ledger_hold h
            JOIN ledger_hold_line l ON l.hold_id = h.id AND l.account_id = w.account * 16 + 15
            WHERE h.id = w.hold_id GROUP BY h.state) h ON true
        WHERE h.amount IS DISTINCT FROM w.amount_minor
            OR h.state IS DISTINCT FROM CASE e.outcome WHEN 'paid' THEN 'captured' WHEN 'cancelled' THEN 'released'
                                         ELSE 'open' END
        """,
    ),
)


def check(connection: Connection) -> list[Finding]:
    """Rows that break an invariant of pooling; names up to 20 of each."""
    return [finding for invariant in INVARIANTS for finding in exceptions(connection, invariant)]
