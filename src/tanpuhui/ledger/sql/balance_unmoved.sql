-- Where nothing was posted since a moment, as of now nearly always, the balances are those that there are. Whether
-- anything was is asked of the partitions since then alone: the day is written into the query before it is planned.

CREATE OR REPLACE FUNCTION ledger_balance_at(first_account bigint, last_account bigint, at timestamptz)
RETURNS TABLE (account_id bigint, asset text, unit text, balance bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS
$body$
DECLARE
    moved boolean;
BEGIN
    -- Residents have accounts with a floor alone; the ledger itself (owner 0) and organisations (from 2^48 on) have others.
    IF at < now() - interval '62 days' OR (CASE WHEN first_account = last_account
        THEN EXISTS (SELECT FROM ledger_account_kind k WHERE NOT k.floored AND k.code = (first_account & 15))
        ELSE NOT first_account >> 4 BETWEEN 1 AND 281474976710655 END) THEN
        RETURN QUERY SELECT * FROM ledger_balance_forth(first_account, last_account, at);
        RETURN;
    END IF;
    EXECUTE format($asked$
        SELECT EXISTS (
            SELECT FROM public.ledger_posting p JOIN public.ledger_transaction t ON t.id = p.tx_id
            WHERE p.account_id BETWEEN $1 AND $2 AND p.posted_on >= %L AND t.posted_at > $3)
        $asked$, (at AT TIME ZONE 'UTC')::date) INTO moved USING first_account, last_account, at;
    IF moved THEN
        RETURN QUERY SELECT * FROM ledger_balance_back(first_account, last_account, at);
    ELSE
        RETURN QUERY SELECT b.account_id, a.code, a.unit, b.available + b.held
            FROM ledger_balance b JOIN ledger_asset a ON a.id = b.asset_id
            WHERE b.account_id BETWEEN first_account AND last_account ORDER BY b.account_id, a.code;
    END IF;
END
$body$;
