-- Take from a hold, as a transaction under a number that was drawn for it. A hold that has ended is a unique_violation;
-- more than was held, a check_violation. What is not taken is free again.
CREATE OR REPLACE FUNCTION ledger_capture_one(
    tx bigint, tx_key text, tx_reason text, effective date, at timestamptz, wanted bigint, target bigint, taken bigint,
    tx_ref bigint
) RETURNS void
LANGUAGE plpgsql AS
$body$
DECLARE
    line  ledger_single_hold;
    today constant date := (at AT TIME ZONE 'UTC')::date;
BEGIN
    SELECT * INTO STRICT line FROM ledger_single_hold WHERE id = wanted;
    IF taken > line.amount THEN
        RAISE EXCEPTION 'hold % holds %', wanted, line.amount USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO ledger_single_hold_end (hold_id, tx_id, taken, at) VALUES (wanted, tx, taken, at);
    INSERT INTO ledger_transaction (id, key, content_digest, reason, state, effective_on, posted_at, posted_on)
    OVERRIDING SYSTEM VALUE VALUES (tx, tx_key, 'hold', tx_reason, 'posted', effective, at, today);
    UPDATE ledger_balance SET available = available + line.amount, held = held - line.amount
    WHERE account_id = line.account_id AND asset_id = line.asset_id;
    IF to_regclass('public.ledger_posting_single' || to_char(today, '_YYYY_MM')) IS NULL THEN
        PERFORM ledger_partition(2::smallint, today);
    END IF;
    INSERT INTO ledger_posting_single (tx_id, account_id, amount, ref, asset_id, posted_on, leg, code, stream)
    VALUES (tx, line.account_id, -taken, tx_ref, line.asset_id, today, 1, 0, 2),
           (tx, target, taken, tx_ref, line.asset_id, today, 2, 0, 2);
END
$body$;

REVOKE ALL ON FUNCTION ledger_capture_one FROM PUBLIC;
