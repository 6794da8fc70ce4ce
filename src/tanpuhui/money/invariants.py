"""Invariants: what must always be true of money here, each as SQL that returns the rows where it is not."""

from __future__ import annotations

from tanpuhui.ledger.connection import Connection
from tanpuhui.ledger.invariants import Finding, Invariant, exceptions
from tanpuhui.money.account import OUTSIDE

INVARIANTS = (
    Invariant(
        "money_is_what_banks_say",
        "Of each currency, what all accounts have is what bank lines brought in less what they took out.",
        f"""
        SELECT 'money_booking' AS tablename, format('currency=%s', coalesce(l.currency, b.currency)) AS key,
            format('accounts have %s, bank lines brought %s', coalesce(l.amount, 0), coalesce(b.amount, 0)) AS found
        FROM (SELECT substring(a.code FROM 7) AS currency, -sum(p.amount) AS amount
              FROM ledger_posting p JOIN ledger_asset a ON a.id = p.asset_id
              WHERE a.code LIKE 'money:%' AND p.account_id = {OUTSIDE} GROUP BY 1) l
        FULL JOIN (SELECT currency, sum(amount_minor) AS amount FROM money_booking GROUP BY 1) b
            ON b.currency = l.currency
        WHERE coalesce(l.amount, 0) <> coalesce(b.amount, 0)
        """,
    ),
    Invariant(
        "bookings_are_their_lines",
        "A booking is of a claimed line, its amount, direction and currency, and its transaction posted just that.",
        """
        SELECT 'money_booking' AS tablename, format('line_id=%s', k.line_id) AS key,
            format('%s %s, line %s%s %s, posted %s', k.amount_minor, k.currency,
                   CASE WHEN l.is_debit THEN '-' ELSE '' END, l.amount_minor, l.currency,
                   coalesce(p.amount, 0)) AS found
        FROM money_booking k JOIN money_bank_line l ON l.id = k.line_id
        LEFT JOIN LATERAL (
            SELECT sum(p.amount) AS amount, min(a.code) AS code, max(a.code) AS other FROM ledger_posting p
            JOIN ledger_asset a ON a.id = p.asset_id
            WHERE p.tx_id = k.tx_id AND p.account_id = k.account_id) p ON true
        WHERE l.why_not <> '' OR k.currency <> l.currency
            OR k.amount_minor <> CASE WHEN l.is_debit THEN -l.amount_minor ELSE l.amount_minor END
            OR p.amount IS DISTINCT FROM k.amount_minor
            OR p.code IS DISTINCT FROM 'money:' || k.currency OR p.other IS DISTINCT FROM p.code
        """,
    ),
    Invariant(
        "money_moves_for_a_reason",
        "Money comes in and goes out by a booking, and goes from hand to hand by what a stage writes down.",
        """
        SELECT 'ledger_transaction' AS tablename, format('id=%s', t.id) AS key,
            format('%s of %s, for the reason %s', p.amount, a.code, t.reason) AS found
        FROM ledger_posting p JOIN ledger_asset a ON a.id = p.asset_id AND a.code LIKE 'money:%'
        JOIN ledger_transaction t ON t.id = p.tx_id AND t.posted_on = p.posted_on
        LEFT JOIN money_booking k ON k.tx_id = t.id
        WHERE p.amount > 0 AND t.reason NOT IN ('market.pay', 'pool_sale', 'pool_pay', 'points.buy')
            AND (t.reason NOT IN ('money.in', 'money.out') OR k.tx_id IS NULL)
        ORDER BY t.id
        """,
    ),
    Invariant(
        "withdrawals_hold_what_is_not_paid",
        "An open withdrawal has an open hold of its amount; a paid one was captured, a cancelled one let go.",
        """
        SELECT 'money_withdrawal' AS tablename, format('id=%s', w.id) AS key,
            format('%s of %s, hold %s of %s', coalesce(e.outcome, 'open'), w.amount_minor, h.state, h.amount) AS found
        FROM money_withdrawal w LEFT JOIN money_withdrawal_ending e ON e.withdrawal_id = w.id
        LEFT JOIN LATERAL (
            SELECT h.state, sum(l.amount) AS amount FROM ledger_hold h
            JOIN ledger_hold_line l ON l.hold_id = h.id WHERE h.id = w.hold_id GROUP BY h.state) h ON true
        WHERE h.amount IS DISTINCT FROM w.amount_minor
            OR h.state IS DISTINCT FROM CASE e.outcome WHEN 'paid' THEN 'captured' WHEN 'cancelled' THEN 'released'
                                         ELSE 'open' END
        """,
    ),
)


def check(connection: Connection) -> list[Finding]:
    """Rows that break an invariant of money; names up to 20 of each."""
    return [finding for invariant in INVARIANTS for finding in exceptions(connection, invariant)]
