-- The newest lines of accounts, from the end: what they have at a moment, less each line on the way back. Months are
-- looked at from the last one, and no further than there are lines enough, so that a page of a statement costs the
-- same however long the ledger is. Lines are in the order of the days on which they were posted, and of transactions
-- within a day.

CREATE OR REPLACE FUNCTION ledger_lines(first_account bigint, last_account bigint, at timestamptz)
RETURNS TABLE (tx_id bigint, leg integer, account_id bigint, asset text, unit text, amount bigint, ref bigint,
               code smallint, balance bigint, reason text, effective_on date, posted_at timestamptz, reverses bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 AS
$body$
    SELECT p.tx_id, p.leg, p.account_id, a.code, a.unit, p.amount, p.ref, p.code,
           (sum(p.amount) OVER (PARTITION BY p.account_id, p.asset_id ORDER BY p.posted_on, p.tx_id, p.leg))::bigint,
           t.reason, t.effective_on, t.posted_at, t.reverses
    FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id JOIN ledger_asset a ON a.id = p.asset_id
    WHERE p.account_id BETWEEN first_account AND last_account AND p.posted_on <= (at AT TIME ZONE 'UTC')::date
        AND t.posted_at <= at
    ORDER BY p.posted_on DESC, p.tx_id DESC, p.leg DESC
$body$;

CREATE FUNCTION ledger_newest_lines(first_account bigint, last_account bigint, at timestamptz, most integer)
RETURNS TABLE (tx_id bigint, leg integer, account_id bigint, asset text, unit text, amount bigint, ref bigint,
               code smallint, balance bigint, reason text, effective_on date, posted_at timestamptz, reverses bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 AS
$body$
DECLARE
    until constant date := (at AT TIME ZONE 'UTC')::date;
    since date := until;
    -- Days are written into the query, so that it is planned for the partitions of those days alone.
    lines constant text := $lines$
        FROM public.ledger_posting p JOIN public.ledger_transaction t ON t.id = p.tx_id
        JOIN public.ledger_asset a ON a.id = p.asset_id
        WHERE p.account_id BETWEEN $1 AND $2 AND p.posted_on BETWEEN %L AND %L AND t.posted_at <= $3
    $lines$;
    month date;
    there bigint;
    found bigint := 0;
BEGIN
    FOR month IN
        SELECT DISTINCT to_date(right(c.relname, 7), 'YYYY_MM') AS first_day
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN ('public.ledger_posting_batch'::regclass, 'public.ledger_posting_single'::regclass)
            AND to_date(right(c.relname, 7), 'YYYY_MM') <= until
        ORDER BY first_day DESC
    LOOP
        EXIT WHEN found >= most;
        EXECUTE format('SELECT count(*) ' || lines, month, least(until, (month + interval '1 month - 1 day')::date))
            INTO there USING first_account, last_account, at;
        found := found + there;
        since := month;
    END LOOP;
    RETURN QUERY EXECUTE format($page$
        SELECT l.tx_id, l.leg, l.account_id, l.asset, l.unit, l.amount, l.ref, l.code, (b.balance - l.later)::bigint,
               l.reason, l.effective_on, l.posted_at, l.reverses
        FROM (
            SELECT p.tx_id, p.leg, p.account_id, a.code AS asset, a.unit, p.amount, p.ref, p.code, p.posted_on,
                   coalesce(sum(p.amount) OVER (
                       PARTITION BY p.account_id, p.asset_id ORDER BY p.posted_on DESC, p.tx_id DESC, p.leg DESC
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS later,
                   t.reason, t.effective_on, t.posted_at, t.reverses $page$ || lines || $page$
        ) l JOIN public.ledger_balance_at($1, $2, $3) b ON b.account_id = l.account_id AND b.asset = l.asset
        ORDER BY l.posted_on DESC, l.tx_id DESC, l.leg DESC LIMIT $4
        $page$, since, until) USING first_account, last_account, at, most;
END
$body$;
