-- Many transfers of two legs in one call, each under its own key and with its own answer, in the order given. All balances
-- are locked first, in the order of their accounts, so calls that meet wait for each other and never deadlock.

CREATE FUNCTION ledger_transfer_many(
    keys text[], digests text[], tx_reason text, effective date, at timestamptz,
    sources bigint[], targets bigint[], assets integer[], amounts bigint[], refs bigint[], codes smallint[]
) RETURNS SETOF ledger_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    today constant date := (at AT TIME ZONE 'UTC')::date;
    fresh boolean[];
BEGIN
    PERFORM FROM (
        SELECT * FROM (SELECT * FROM unnest(sources, assets) UNION SELECT * FROM unnest(targets, assets)) AS leg (account, asset)
        ORDER BY account, asset) touched,
    LATERAL (SELECT FROM ledger_balance b WHERE b.account_id = touched.account AND b.asset_id = touched.asset FOR UPDATE) locked;

    -- Where every account can pay all that is asked of it, whatever comes in meanwhile, they go in together. Otherwise each
    -- is decided in its turn.
    IF EXISTS (
        SELECT FROM (SELECT o.account_id, o.asset_id, sum(o.amount) AS amount
                     FROM unnest(sources, assets, amounts, keys) AS o (account_id, asset_id, amount, key)
                     JOIN ledger_account_kind k ON k.code = (o.account_id & 15) AND k.floored
                     WHERE NOT EXISTS (SELECT FROM ledger_transaction t WHERE t.key = o.key)
                     GROUP BY 1, 2) paid
        LEFT JOIN LATERAL (SELECT b.available FROM ledger_balance b
                           WHERE b.account_id = paid.account_id AND b.asset_id = paid.asset_id OFFSET 0) has ON true
        WHERE coalesce(has.available, 0) < paid.amount) THEN
        FOR n IN 1..cardinality(keys) LOOP
            RETURN NEXT ledger_transfer(keys[n], digests[n], tx_reason, effective, at, NULL, ARRAY[sources[n], targets[n]],
                ARRAY[assets[n], assets[n]], ARRAY[-amounts[n], amounts[n]], ARRAY[refs[n], refs[n]], ARRAY[codes[n], codes[n]]);
        END LOOP;
        RETURN;
    END IF;

    PERFORM ledger_partition(2::smallint, today);
    WITH written AS (
        INSERT INTO ledger_transaction (key, content_digest, reason, state, effective_on, posted_at, posted_on)
        SELECT key, digest, tx_reason, 'posted', effective, at, today
        FROM unnest(keys, digests) WITH ORDINALITY AS o (key, digest, n) ORDER BY n
        ON CONFLICT DO NOTHING RETURNING id, key
    ), legs AS (
        INSERT INTO ledger_posting_single (tx_id, account_id, amount, ref, asset_id, posted_on, leg, code, stream)
        SELECT w.id, leg.account_id, leg.amount, o.ref, o.asset_id, today, leg.number, o.code, 2
        FROM written w JOIN unnest(keys, sources, targets, assets, amounts, refs, codes)
            AS o (key, source, target, asset_id, amount, ref, code) ON o.key = w.key,
        LATERAL (VALUES (1, o.source, -o.amount), (2, o.target, o.amount)) AS leg (number, account_id, amount)
    )
    SELECT array_agg(w.key IS NOT NULL ORDER BY o.n) INTO fresh
    FROM unnest(keys) WITH ORDINALITY AS o (key, n) LEFT JOIN written w ON w.key = o.key;
    RETURN QUERY
    SELECT t.id, t.state, t.refusal, t.content_digest, NOT o.fresh
    FROM unnest(keys, fresh) WITH ORDINALITY AS o (key, fresh, n) JOIN ledger_transaction t ON t.key = o.key ORDER BY o.n;
END
$body$;

REVOKE ALL ON FUNCTION ledger_transfer_many FROM PUBLIC;
