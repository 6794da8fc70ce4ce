-- The rules that every INSERT of postings meets, whoever sends it: the legs of a transaction arrive in one
-- statement, sum to zero in each asset, are applied once, and no floored account goes below zero.
--
-- The same MERGE stands in two places, because a plan that is right for two legs is wrong for a million: a large
-- statement walks the balances in key order (merge join), a small one looks each balance up. Both lock balances in
-- the order of (account, asset), so statements that meet wait for each other and never deadlock.
--
-- Two legs between accounts that are no counters, as nearly every single transaction has them, take a short way to the
-- same rules: four small statements, and no plan for a million. That both legs are looked at by a comparison that no hash
-- or merge join can do is meant: a session whose first statement was large would keep a plan with tables for a million.
--
-- What a statement puts on counter accounts is added up in the same pass (counter.sql).

-- A sum that stays in 64 bits and fails loudly where it does not fit; sum(bigint) goes through numeric, at a third
-- of the cost of a large batch.
CREATE OR REPLACE AGGREGATE ledger_sum(bigint) (SFUNC = int8pl, STYPE = bigint, INITCOND = '0', PARALLEL = SAFE, COMBINEFUNC = int8pl);

-- Put an amount on a floored account, its first or not.
CREATE OR REPLACE FUNCTION ledger_credit_one(account bigint, asset integer, moved bigint) RETURNS void LANGUAGE plpgsql AS
$body$
BEGIN
    UPDATE ledger_balance SET available = available + moved WHERE account_id = account AND asset_id = asset;
    IF NOT FOUND THEN
        INSERT INTO ledger_balance AS b (account_id, available, held, asset_id) VALUES (account, moved, 0, asset)
        ON CONFLICT (account_id, asset_id) DO UPDATE SET available = b.available + moved;
    END IF;
END
$body$;

REVOKE ALL ON FUNCTION ledger_credit_one FROM PUBLIC;

-- Which kinds are floored and which are counters, a bit for each code. All fifteen codes are given and no row of
-- ledger_account_kind is ever changed; its CHECK (checks.sql) keeps it equal to these. So no leg has to look there.
CREATE OR REPLACE FUNCTION ledger_floored_kinds() RETURNS integer LANGUAGE sql IMMUTABLE AS
$body$
    SELECT (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 7) | (1 << 8) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 15)
$body$;

CREATE OR REPLACE FUNCTION ledger_counter_kinds() RETURNS integer LANGUAGE sql IMMUTABLE AS
$body$
    SELECT (1 << 6) | (1 << 9) | (1 << 11) | (1 << 13)
$body$;

REVOKE ALL ON FUNCTION ledger_floored_kinds, ledger_counter_kinds FROM PUBLIC;

DO $build$
DECLARE
    merge_balances constant text := $merge$
        MERGE INTO ledger_balance b
        USING (
            SELECT f.account_id, f.asset_id, ledger_sum(f.amount) AS amount
            FROM fresh f
            WHERE (floored_kinds >> (f.account_id & 15)::integer) & 1 = 1
            GROUP BY f.account_id, f.asset_id
            ORDER BY f.account_id, f.asset_id
        ) change
        ON b.account_id = change.account_id AND b.asset_id = change.asset_id
        WHEN MATCHED THEN
            UPDATE SET available = b.available + change.amount
        WHEN NOT MATCHED THEN
            INSERT (account_id, available, held, asset_id)
            VALUES (change.account_id, change.amount, 0, change.asset_id)
    $merge$;
BEGIN
    EXECUTE replace($create$
CREATE OR REPLACE FUNCTION ledger_apply() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    floored_kinds constant integer := ledger_floored_kinds();
    counter_kinds constant integer := ledger_counter_kinds();
    transactions  bigint;
    applied       bigint;
    legs          bigint;
    large         boolean;
    attempt       integer := 1;
    two           record;
    account       bigint;
    moved         bigint;
BEGIN
    SELECT o.tx_id, o.posted_on, o.asset_id, o.account_id AS source, i.account_id AS target, i.amount AS moved INTO two
    FROM fresh o, fresh i
    WHERE (SELECT count(*) FROM (SELECT FROM fresh LIMIT 3) few) = 2
        AND o.amount < 0 AND i.amount > 0 AND o.amount + i.amount = 0 AND o.account_id <> i.account_id
        AND (o.tx_id, o.asset_id, o.posted_on) IS NOT DISTINCT FROM (i.tx_id, i.asset_id, i.posted_on);
    IF FOUND
        AND ((counter_kinds >> (two.source & 15)::integer) | (counter_kinds >> (two.target & 15)::integer)) & 1 = 0 THEN
        INSERT INTO ledger_applied (tx_id, legs)
        SELECT t.id, 2 FROM ledger_transaction t JOIN ledger_asset a ON a.id = two.asset_id
        WHERE t.id = two.tx_id AND t.state = 'posted' AND t.posted_on = two.posted_on
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the transaction of two legs, or their asset, is unknown, refused or applied before'
                USING ERRCODE = 'TL002', HINT = 'Insert all legs of a transaction in one statement, once.';
        END IF;
        -- Balances are locked in the order of their accounts here too.
        FOR side IN 1..2 LOOP
            account := CASE WHEN (side = 1) = (two.source < two.target) THEN two.source ELSE two.target END;
            CONTINUE WHEN (floored_kinds >> (account & 15)::integer) & 1 = 0;
            moved := CASE account WHEN two.source THEN -two.moved ELSE two.moved END;
            UPDATE ledger_balance b SET available = b.available + moved
            WHERE b.account_id = account AND b.asset_id = two.asset_id AND b.available + moved >= 0;
            CONTINUE WHEN FOUND;
            IF moved < 0 THEN
                RAISE EXCEPTION 'account % has too little', account USING ERRCODE = 'TL001', DETAIL = json_build_object(
                    'account_id', account, 'asset', (SELECT a.code FROM ledger_asset a WHERE a.id = two.asset_id),
                    'available', coalesce((SELECT b.available FROM ledger_balance b
                        WHERE b.account_id = account AND b.asset_id = two.asset_id), 0), 'wanted', two.moved)::text;
            END IF;
            PERFORM ledger_credit_one(account, two.asset_id, moved);
        END LOOP;
        RETURN NULL;
    END IF;

    WITH per_kind AS MATERIALIZED (
        SELECT tx_id, asset_id, posted_on, ledger_sum(amount) AS total, count(*) AS legs,
               CASE WHEN (counter_kinds >> (account_id & 15)::integer) & 1 = 1 THEN account_id & 15 END AS counter
        FROM fresh GROUP BY tx_id, asset_id, posted_on, counter
    ), per_asset AS (
        SELECT k.tx_id, k.asset_id, k.posted_on, ledger_sum(k.total) AS total, sum(k.legs) AS legs
        FROM per_kind k GROUP BY k.tx_id, k.asset_id, k.posted_on
    ), per_transaction AS (
        SELECT p.tx_id, sum(p.legs)::bigint AS legs, bool_and(p.total = 0) AS balanced,
               bool_and(a.id IS NOT NULL) AS known, min(p.posted_on) AS first_on, max(p.posted_on) AS last_on
        FROM per_asset p LEFT JOIN ledger_asset a ON a.id = p.asset_id
        GROUP BY p.tx_id
    ), good AS (
        INSERT INTO ledger_applied (tx_id, legs)
        SELECT p.tx_id, p.legs
        FROM per_transaction p JOIN ledger_transaction t ON t.id = p.tx_id
        WHERE p.balanced AND p.known AND t.state = 'posted' AND t.posted_on = p.first_on AND t.posted_on = p.last_on
        ON CONFLICT DO NOTHING
        RETURNING tx_id
    ), on_counters AS (
        INSERT INTO ledger_counter_total (tx_id, asset_id, kind, amount)
        SELECT k.tx_id, k.asset_id, k.counter, k.total FROM per_kind k JOIN good g ON g.tx_id = k.tx_id
        WHERE k.counter IS NOT NULL AND k.total <> 0
    )
    SELECT count(*), coalesce(sum(p.legs), 0), (SELECT count(*) FROM good)
    INTO transactions, legs, applied FROM per_transaction p;

    IF applied <> transactions THEN
        RAISE EXCEPTION 'legs do not sum to zero in each asset, or their transaction is unknown, refused or applied before'
            USING ERRCODE = 'TL002', HINT = 'Insert all legs of a transaction in one statement, once.';
    END IF;

    large := legs > 10000
        AND legs * 8 > (SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = 'ledger_balance'::regclass);
    LOOP
        BEGIN
            IF large THEN
                PERFORM set_config('enable_nestloop', 'off', true), set_config('enable_hashjoin', 'off', true);
                <<merge_balances>>;
                PERFORM set_config('enable_nestloop', 'on', true), set_config('enable_hashjoin', 'on', true);
            ELSE
                PERFORM set_config('enable_mergejoin', 'off', true), set_config('enable_hashjoin', 'off', true);
                <<merge_balances>>;
                PERFORM set_config('enable_mergejoin', 'on', true), set_config('enable_hashjoin', 'on', true);
            END IF;
            RETURN NULL;
        EXCEPTION
            -- Another session gave an account its first balance between our look and our insert: look again.
            WHEN unique_violation THEN
                IF attempt = 5 THEN RAISE; END IF;
                attempt := attempt + 1;
            WHEN check_violation THEN
                DECLARE
                    short record;
                BEGIN
                    SELECT c.account_id, a.code AS asset, coalesce(b.available, 0) AS available, -c.amount AS wanted
                    INTO STRICT short
                    FROM (SELECT f.account_id, f.asset_id, ledger_sum(f.amount) AS amount FROM fresh f
                          WHERE (floored_kinds >> (f.account_id & 15)::integer) & 1 = 1
                          GROUP BY f.account_id, f.asset_id) c
                    JOIN ledger_asset a ON a.id = c.asset_id
                    LEFT JOIN ledger_balance b ON b.account_id = c.account_id AND b.asset_id = c.asset_id
                    WHERE coalesce(b.available, 0) + c.amount < 0
                    ORDER BY c.account_id, c.asset_id LIMIT 1;
                    RAISE EXCEPTION 'account % has too little', short.account_id
                        USING ERRCODE = 'TL001', DETAIL = row_to_json(short)::text;
                END;
        END;
    END LOOP;
END
$body$
    $create$, '<<merge_balances>>', merge_balances);
END
$build$;
