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
    ids   bigint[];
BEGIN
    PERFORM FROM (
        SELECT * FROM (SELECT * FROM unnest(sources, assets) UNION SELECT * FROM unnest(targets, assets)) AS leg (account, asset)
        ORDER BY account, asset) touched,
    LATERAL (SELECT FROM ledger_balance b WHERE b.account_id = touched.account AND b.asset_id = touched.asset FOR UPDATE) locked;

    -- Where no key is known and every account can pay all that is asked of it, whatever comes in meanwhile, they go in
    -- together. Otherwise each is decided in its turn.
    IF NOT EXISTS (SELECT FROM ledger_transaction t WHERE t.key = ANY (keys)) AND NOT EXISTS (
        SELECT FROM (SELECT o.account_id, o.asset_id, sum(o.amount) AS amount
                     FROM unnest(sources, assets, amounts) AS o (account_id, asset_id, amount)
                     JOIN ledger_account_kind k ON k.code = (o.account_id & 15) AND k.floored GROUP BY 1, 2) paid
        LEFT JOIN LATERAL (SELECT b.available FROM ledger_balance b
                           WHERE b.account_id = paid.account_id AND b.asset_id = paid.asset_id OFFSET 0) has ON true
        WHERE coalesce(has.available, 0) < paid.amount) THEN
        BEGIN
            ids := ARRAY(SELECT nextval('ledger_transaction_id_seq') FROM unnest(keys));
            INSERT INTO ledger_transaction (id, key, content_digest, reason, state, effective_on, posted_at, posted_on)
            OVERRIDING SYSTEM VALUE
            SELECT id, key, digest, tx_reason, 'posted', effective, at, today
            FROM unnest(ids, keys, digests) AS o (id, key, digest);
            PERFORM ledger_partition(2::smallint, today);
            INSERT INTO ledger_posting_single (tx_id, account_id, amount, ref, asset_id, posted_on, leg, code, stream)
            SELECT o.id, leg.account_id, leg.amount, o.ref, o.asset_id, today, leg.number, o.code, 2
            FROM unnest(ids, sources, targets, assets, amounts, refs, codes)
                AS o (id, source, target, asset_id, amount, ref, code),
            LATERAL (VALUES (1, o.source, -o.amount), (2, o.target, o.amount)) AS leg (number, account_id, amount);
            RETURN QUERY SELECT o.id, 'posted', NULL::jsonb, o.digest, false
            FROM unnest(ids, digests) WITH ORDINALITY AS o (id, digest, n) ORDER BY o.n;
            RETURN;
        EXCEPTION WHEN unique_violation THEN
            -- Another session was first with one of the keys.
            NULL;
        END;
    END IF;
    FOR n IN 1..cardinality(keys) LOOP
        RETURN NEXT ledger_transfer(keys[n], digests[n], tx_reason, effective, at, NULL, ARRAY[sources[n], targets[n]],
            ARRAY[assets[n], assets[n]], ARRAY[-amounts[n], amounts[n]], ARRAY[refs[n], refs[n]], ARRAY[codes[n], codes[n]]);
    END LOOP;
END
$body$;

REVOKE ALL ON FUNCTION ledger_transfer_many FROM PUBLIC;
