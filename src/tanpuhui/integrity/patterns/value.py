"""Value: patterns in ``payment``, ``gift``, ``redemption`` and ``charge``: paid, given, redeemed, charged."""

from __future__ import annotations

from tanpuhui.integrity.patterns.pattern import Pattern

#: Refunds of one account at one payee in the window, and the least share of what was paid that came back.
REFUNDS_FROM, REFUNDED_PERCENT = 3, 45

REFUND_CYCLING = Pattern(
    id="fraud.refund_cycling",
    version=1,
    relation="payment",
    needs=("account_id", "payee", "amount_fen", "refunded_fen"),
    reason_zh="在同一商家反复付款后退款。",
    reason_en="Payments to one payee were made and refunded again and again.",
    sql=f"""
        WITH cycled AS (
            SELECT account_id, payee FROM payment GROUP BY account_id, payee
            HAVING COUNT(*) FILTER (WHERE refunded_fen > 0) >= {REFUNDS_FROM}
                AND SUM(refunded_fen) * 100 >= SUM(amount_fen) * {REFUNDED_PERCENT}
        )
        SELECT record_id FROM payment SEMI JOIN cycled USING (account_id, payee) WHERE refunded_fen > 0
    """,
)

#: A feeder gives most of what it earned, nearly all of it to one account; a ring is an account with so many feeders.
GIVEN_PERCENT, TO_ONE_PERCENT, FEEDERS_FROM, GIFTS_FROM = 60, 75, 3, 2

FEEDER_RING = Pattern(
    id="fraud.feeder_ring",
    version=1,
    relation="gift",
    needs=("account_id", "to_account_id", "amount_mg", "earned_mg"),
    reason_zh="几个账户几乎把全部所得都给了同一个账户。",
    reason_en="Several accounts gave nearly everything they earned to one account.",
    sql=f"""
        WITH given AS (
            SELECT account_id, to_account_id, SUM(amount_mg) AS given_mg, COUNT(*) AS gifts,
                MAX(earned_mg) AS earned_mg FROM gift GROUP BY account_id, to_account_id
        ), feeder AS (
            SELECT account_id, to_account_id FROM (
                SELECT *, SUM(given_mg) OVER (PARTITION BY account_id) AS all_mg FROM given)
            WHERE gifts >= {GIFTS_FROM} AND given_mg * 100 >= earned_mg * {GIVEN_PERCENT}
                AND given_mg * 100 >= all_mg * {TO_ONE_PERCENT}
        ), ring AS (
            SELECT to_account_id FROM feeder GROUP BY to_account_id HAVING COUNT(*) >= {FEEDERS_FROM}
        )
        SELECT record_id FROM gift SEMI JOIN feeder USING (account_id, to_account_id)
            SEMI JOIN ring USING (to_account_id)
    """,
)

#: A heavy user redeems so often at one merchant in the window; a wash is a merchant that lives on them.
REDEMPTIONS_FROM, CONCENTRATION_PERCENT = 8, 50

MERCHANT_WASH = Pattern(
    id="fraud.merchant_wash",
    version=1,
    relation="redemption",
    needs=("account_id", "merchant", "amount_fen"),
    reason_zh="该商户的兑换主要来自少数账户的反复兑换。",
    reason_en="Most of what was redeemed at this merchant came from a few accounts, again and again.",
    sql=f"""
        WITH pair AS (
            SELECT account_id, merchant, COUNT(*) AS times, SUM(amount_fen) AS sum_fen
            FROM redemption GROUP BY account_id, merchant
        ), washed AS (
            SELECT merchant FROM pair GROUP BY merchant
            HAVING COALESCE(SUM(sum_fen) FILTER (WHERE times >= {REDEMPTIONS_FROM}), 0) * 100
                >= SUM(sum_fen) * {CONCENTRATION_PERCENT}
        ), heavy AS (SELECT account_id, merchant FROM pair SEMI JOIN washed USING (merchant)
            WHERE times >= {REDEMPTIONS_FROM})
        SELECT record_id FROM redemption SEMI JOIN heavy USING (account_id, merchant)
    """,
)

#: Order and charger differ by more than the errors of both meters, so often in the window.
METER_ERROR_WH, METER_ERROR_PERCENT, RACES_FROM = 600, 8, 2

CANCEL_RACE = Pattern(
    id="fraud.cancel_race",
    version=1,
    relation="charge",
    needs=("account_id", "is_cancelled", "energy_wh", "meter_wh"),
    reason_zh="订单已取消或电量不符，而充电桩电表显示仍在充电。",
    reason_en="The order was cancelled, but the charger's own meter says that it went on.",
    sql=f"""
        WITH raced AS (
            SELECT record_id, account_id FROM charge
            WHERE is_cancelled = 1 AND meter_wh - energy_wh > {METER_ERROR_WH}
                AND (meter_wh - energy_wh) * 100 > meter_wh * {METER_ERROR_PERCENT}
        ), again AS (SELECT account_id FROM raced GROUP BY account_id HAVING COUNT(*) >= {RACES_FROM})
        SELECT record_id FROM raced SEMI JOIN again USING (account_id)
    """,
)
