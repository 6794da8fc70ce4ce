-- Holds of one line, and their capture to an account without a floor: the same rows, rules and locks as ledger_hold() and
-- ledger_capture(), in fewer statements, for redemptions by the thousand a second. They are called by functions of the
-- stage above, in a block that undoes what a failed call did; nobody else may call them.

-- The FK made everybody's hold lock the row of the one asset; an asset is never removed, and a hold needs a balance in it.
ALTER TABLE ledger_hold_line DROP CONSTRAINT ledger_hold_line_asset_id_fkey;

-- The new hold's number, or nothing where too little is available. A key that is known is a unique_violation.
CREATE FUNCTION ledger_hold_one(
    hold_key text, digest text, hold_reason text, at timestamptz, expires timestamptz, account bigint, asset integer,
    wanted bigint
) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS
$body$
DECLARE
    opened bigint;
BEGIN
    UPDATE ledger_balance SET available = available - wanted, held = held + wanted
    WHERE account_id = account AND asset_id = asset AND available >= wanted;
    IF NOT FOUND THEN RETURN NULL; END IF;
    INSERT INTO ledger_hold (key, content_digest, reason, state, opened_at, expires_at)
    VALUES (hold_key, digest, hold_reason, 'open', at, expires) RETURNING id INTO opened;
    INSERT INTO ledger_hold_line (hold_id, line, account_id, asset_id, amount) VALUES (opened, 1, account, asset, wanted);
    RETURN opened;
END
$body$;

-- The transaction that took from a hold; nothing where the hold is not open at that moment. More than was held is a
-- check_violation, or TL001 from the rules of postings.
CREATE FUNCTION ledger_capture_one(
    tx_key text, digest text, tx_reason text, effective date, at timestamptz, wanted bigint, target bigint, taken bigint,
    tx_ref bigint
) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS
$body$
DECLARE
    line  ledger_hold_line;
    today constant date := (at AT TIME ZONE 'UTC')::date;
    tx    bigint;
BEGIN
    INSERT INTO ledger_transaction (key, content_digest, reason, state, effective_on, posted_at, posted_on)
    VALUES (tx_key, digest, tx_reason, 'posted', effective, at, today) RETURNING id INTO tx;
    UPDATE ledger_hold SET state = 'captured', closed_at = at, capture_tx = tx
    WHERE id = wanted AND state = 'open' AND (expires_at IS NULL OR expires_at > at);
    IF NOT FOUND THEN RETURN NULL; END IF;
    SELECT * INTO STRICT line FROM ledger_hold_line WHERE hold_id = wanted;
    IF taken > line.amount THEN
        RAISE EXCEPTION 'hold % holds %', wanted, line.amount USING ERRCODE = 'check_violation';
    END IF;
    UPDATE ledger_balance SET available = available + line.amount, held = held - line.amount
    WHERE account_id = line.account_id AND asset_id = line.asset_id;
    PERFORM ledger_partition(2::smallint, today);
    INSERT INTO ledger_posting_single (tx_id, account_id, amount, ref, asset_id, posted_on, leg, code, stream)
    VALUES (tx, line.account_id, -taken, tx_ref, line.asset_id, today, 1, 0, 2),
           (tx, target, taken, tx_ref, line.asset_id, today, 2, 0, 2);
    RETURN tx;
END
$body$;

REVOKE ALL ON FUNCTION ledger_hold_one, ledger_capture_one FROM PUBLIC;
