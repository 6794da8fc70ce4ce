-- The postings of some neighbouring accounts on some days, looked for once. Joined to transactions as they are, postings
-- are looked through again for each of those where the planner takes them for few: he knows a table as it was when it was
-- last analysed. Days are written into the query, so that it is planned for their partitions alone.
CREATE FUNCTION ledger_postings_of(first_account bigint, last_account bigint, first_day date, last_day date)
RETURNS SETOF ledger_posting LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 AS
$body$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT * FROM public.ledger_posting WHERE account_id BETWEEN $1 AND $2 AND posted_on BETWEEN %L AND %L',
        first_day, last_day) USING first_account, last_account;
END
$body$;

CREATE OR REPLACE FUNCTION ledger_balance_forth(first_account bigint, last_account bigint, at timestamptz)
RETURNS TABLE (account_id bigint, asset text, unit text, balance bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
    SELECT p.account_id, a.code, a.unit, sum(p.amount)::bigint
    FROM ledger_postings_of(first_account, last_account, '-infinity', (at AT TIME ZONE 'UTC')::date) p
    JOIN ledger_transaction t ON t.id = p.tx_id JOIN ledger_asset a ON a.id = p.asset_id
    WHERE t.posted_at <= at
    GROUP BY p.account_id, a.code, a.unit
    ORDER BY p.account_id, a.code
$body$;

-- What a batch has put into a partition is known to BRIN at once, and to the planner each time the partition doubled.
CREATE OR REPLACE FUNCTION ledger_summarize(partition text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    PERFORM brin_summarize_new_values(i.indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
    JOIN pg_inherits h ON h.inhrelid = i.indrelid AND h.inhparent = 'ledger_posting_batch'::regclass
    WHERE i.indrelid = format('public.%I', partition)::regclass AND m.amname = 'brin';
    IF EXISTS (
        SELECT FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
        WHERE h.inhparent = 'ledger_posting_batch'::regclass AND c.oid = format('public.%I', partition)::regclass
            AND pg_relation_size(c.oid) > 2 * c.relpages::bigint * current_setting('block_size')::bigint
            AND pg_relation_size(c.oid) > 8 * 1024 * 1024
    ) THEN
        EXECUTE format('ANALYZE public.%I', partition);
    END IF;
END
$body$;
