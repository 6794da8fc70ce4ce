-- Balances at a moment, from whichever end is nearer: of a moment in the last two months, what floored accounts have now
-- less what was posted since; of an older one, and of accounts without a floor, everything up to then. Both are the same
-- sum: a balance is the sum of its account's postings, held amounts included.

ALTER FUNCTION ledger_balance_at(bigint, bigint, timestamptz) RENAME TO ledger_balance_forth;

CREATE FUNCTION ledger_balance_back(first_account bigint, last_account bigint, at timestamptz)
RETURNS TABLE (account_id bigint, asset text, unit text, balance bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 AS
$body$
    WITH since AS MATERIALIZED (
        SELECT p.account_id, p.asset_id, sum(p.amount) AS amount
        FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id
        WHERE p.account_id BETWEEN first_account AND last_account AND p.posted_on >= (at AT TIME ZONE 'UTC')::date
            AND t.posted_at > at
        GROUP BY p.account_id, p.asset_id
    )
    SELECT b.account_id, a.code, a.unit, (b.available + b.held - coalesce(s.amount, 0))::bigint
    FROM ledger_balance b JOIN ledger_asset a ON a.id = b.asset_id
    LEFT JOIN since s ON s.account_id = b.account_id AND s.asset_id = b.asset_id
    WHERE b.account_id BETWEEN first_account AND last_account
        -- What had not moved by then is not listed; only where something moved since can that be.
        AND (s.amount IS NULL OR EXISTS (
            SELECT FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id
            WHERE p.account_id = b.account_id AND p.asset_id = b.asset_id
                AND p.posted_on <= (at AT TIME ZONE 'UTC')::date AND t.posted_at <= at))
    ORDER BY b.account_id, a.code
$body$;

CREATE FUNCTION ledger_balance_at(first_account bigint, last_account bigint, at timestamptz)
RETURNS TABLE (account_id bigint, asset text, unit text, balance bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    -- Residents have accounts with a floor alone; the ledger itself (owner 0) and organisations (from 2^48 on) have others.
    IF at < now() - interval '62 days' OR (CASE WHEN first_account = last_account
        THEN EXISTS (SELECT FROM ledger_account_kind k WHERE NOT k.floored AND k.code = (first_account & 15))
        ELSE NOT first_account >> 4 BETWEEN 1 AND 281474976710655 END) THEN
        RETURN QUERY SELECT * FROM ledger_balance_forth(first_account, last_account, at);
    ELSE
        RETURN QUERY SELECT * FROM ledger_balance_back(first_account, last_account, at);
    END IF;
END
$body$;
