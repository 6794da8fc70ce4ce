-- Reading: what accounts have had, and how they came to it. The accounts of one owner are neighbours, so they are
-- read as a range: one look into each index, never a whole scan (BRIN is not considered before a partition is
-- analysed, so the choice is made here).

CREATE FUNCTION ledger_lines(first_account bigint, last_account bigint, at timestamptz)
RETURNS TABLE (tx_id bigint, leg integer, account_id bigint, asset text, unit text, amount bigint, ref bigint,
               code smallint, balance bigint, reason text, effective_on date, posted_at timestamptz, reverses bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 AS
$body$
    SELECT p.tx_id, p.leg, p.account_id, a.code, a.unit, p.amount, p.ref, p.code,
           (sum(p.amount) OVER (PARTITION BY p.account_id, p.asset_id ORDER BY p.tx_id, p.leg))::bigint,
           t.reason, t.effective_on, t.posted_at, t.reverses
    FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id JOIN ledger_asset a ON a.id = p.asset_id
    WHERE p.account_id BETWEEN first_account AND last_account AND p.posted_on <= (at AT TIME ZONE 'UTC')::date AND t.posted_at <= at
    ORDER BY p.tx_id DESC, p.leg DESC
$body$;

CREATE FUNCTION ledger_balance_at(first_account bigint, last_account bigint, at timestamptz)
RETURNS TABLE (account_id bigint, asset text, unit text, balance bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 AS
$body$
    SELECT p.account_id, a.code, a.unit, sum(p.amount)::bigint
    FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id JOIN ledger_asset a ON a.id = p.asset_id
    WHERE p.account_id BETWEEN first_account AND last_account AND p.posted_on <= (at AT TIME ZONE 'UTC')::date AND t.posted_at <= at
    GROUP BY p.account_id, a.code, a.unit
    ORDER BY p.account_id, a.code
$body$;
