-- Reading: what an account has, had, and how it came to it. Small reads go by the indexes, never by a whole scan
-- (BRIN is not considered before a partition is analysed, so the choice is made here).

CREATE FUNCTION ledger_lines(accounts bigint[], at timestamptz)
RETURNS TABLE (tx_id bigint, leg integer, account_id bigint, asset text, unit text, amount bigint, ref bigint,
               code smallint, balance bigint, reason text, effective_on date, posted_at timestamptz, reverses bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS
$body$
    SELECT p.tx_id, p.leg, p.account_id, a.code, a.unit, p.amount, p.ref, p.code,
           (sum(p.amount) OVER (PARTITION BY p.account_id, p.asset_id ORDER BY p.tx_id, p.leg))::bigint,
           t.reason, t.effective_on, t.posted_at, t.reverses
    FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id JOIN ledger_asset a ON a.id = p.asset_id
    WHERE p.account_id = ANY (accounts) AND p.posted_on <= (at AT TIME ZONE 'UTC')::date AND t.posted_at <= at
    ORDER BY p.tx_id DESC, p.leg DESC
$body$;

CREATE FUNCTION ledger_balance_at(accounts bigint[], at timestamptz)
RETURNS TABLE (account_id bigint, asset text, unit text, balance bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS
$body$
    SELECT p.account_id, a.code, a.unit, sum(p.amount)::bigint
    FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id JOIN ledger_asset a ON a.id = p.asset_id
    WHERE p.account_id = ANY (accounts) AND p.posted_on <= (at AT TIME ZONE 'UTC')::date AND t.posted_at <= at
    GROUP BY p.account_id, a.code, a.unit
    ORDER BY p.account_id, a.code
$body$;
