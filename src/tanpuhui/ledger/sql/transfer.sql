-- Single transactions: what every one needs, and the reversal of one (transfer_one.sql has the transfer). A repeat of a
-- key gives the first answer.

CREATE TYPE ledger_answer AS (id bigint, state text, refusal jsonb, content_digest text, repeated boolean);

CREATE FUNCTION ledger_asset_id(asset_code text, asset_unit text) RETURNS ledger_asset
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    asset ledger_asset;
BEGIN
    SELECT * INTO asset FROM ledger_asset WHERE code = asset_code;
    IF NOT FOUND THEN
        INSERT INTO ledger_asset (code, unit) VALUES (asset_code, asset_unit) ON CONFLICT (code) DO NOTHING;
        SELECT * INTO STRICT asset FROM ledger_asset WHERE code = asset_code;
    END IF;
    RETURN asset;
END
$body$;

CREATE FUNCTION ledger_answer_of(wanted_key text) RETURNS ledger_answer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
    SELECT id, state, refusal, content_digest, true FROM ledger_transaction WHERE key = wanted_key
$body$;

-- Lock the balances of some legs in key order, then name the first account that the legs would take below zero.
CREATE FUNCTION ledger_first_short(accounts bigint[], assets integer[], amounts bigint[]) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    short jsonb;
BEGIN
    PERFORM FROM ledger_balance b
    WHERE (b.account_id, b.asset_id) IN (SELECT * FROM unnest(accounts, assets))
    ORDER BY b.account_id, b.asset_id FOR UPDATE;

    SELECT jsonb_build_object('code', 'ledger.insufficient', 'facts', jsonb_build_object(
        'account_id', c.account_id, 'asset', a.code, 'available', coalesce(b.available, 0), 'wanted', -c.amount))
    INTO short
    FROM (SELECT account_id, asset_id, sum(amount) AS amount
          FROM unnest(accounts, assets, amounts) AS leg (account_id, asset_id, amount) GROUP BY 1, 2) c
    JOIN ledger_account_kind k ON k.code = (c.account_id & 15) AND k.floored
    JOIN ledger_asset a ON a.id = c.asset_id
    LEFT JOIN ledger_balance b ON b.account_id = c.account_id AND b.asset_id = c.asset_id
    WHERE c.amount < 0 AND coalesce(b.available, 0) + c.amount < 0
    ORDER BY c.account_id, c.asset_id LIMIT 1;
    RETURN short;
END
$body$;

CREATE FUNCTION ledger_write(
    tx_key text, digest text, tx_reason text, effective date, at timestamptz, tx_refusal jsonb, reversed bigint,
    tx_manifest text, accounts bigint[], assets integer[], amounts bigint[], refs bigint[], codes smallint[]
) RETURNS ledger_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    written ledger_answer;
    today   constant date := (at AT TIME ZONE 'UTC')::date;
BEGIN
    INSERT INTO ledger_transaction
        (key, content_digest, reason, state, refusal, effective_on, posted_at, posted_on, reverses, manifest)
    VALUES (tx_key, digest, tx_reason, CASE WHEN tx_refusal IS NULL THEN 'posted' ELSE 'refused' END, tx_refusal,
            effective, at, today, CASE WHEN tx_refusal IS NULL THEN reversed END, tx_manifest)
    ON CONFLICT DO NOTHING
    RETURNING id, state, refusal, content_digest, false INTO written;
    IF written.state = 'posted' THEN
        PERFORM ledger_partition(2::smallint, today);
        INSERT INTO ledger_posting_single (tx_id, account_id, amount, ref, asset_id, posted_on, leg, code, stream)
        SELECT written.id, account_id, amount, ref, asset_id, today, leg, code, 2
        FROM unnest(accounts, assets, amounts, refs, codes)
            WITH ORDINALITY AS legs (account_id, asset_id, amount, ref, code, leg);
    END IF;
    RETURN written;
END
$body$;

CREATE FUNCTION ledger_why_not_reverse(target ledger_transaction, wanted bigint) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
    SELECT CASE
        WHEN target.id IS NULL OR target.state <> 'posted' THEN jsonb_build_object(
            'code', 'ledger.unknown_transaction', 'facts', jsonb_build_object('tx_id', wanted))
        WHEN target.reverses IS NOT NULL THEN jsonb_build_object(
            'code', 'ledger.reversal_of_reversal', 'facts', jsonb_build_object('tx_id', wanted, 'reverses', target.reverses))
        WHEN EXISTS (SELECT FROM ledger_transaction WHERE reverses = wanted) THEN jsonb_build_object(
            'code', 'ledger.already_reversed', 'facts', jsonb_build_object(
                'tx_id', wanted, 'reversed_by', (SELECT id FROM ledger_transaction WHERE reverses = wanted)))
    END
$body$;

-- Post the exact inverse of a transaction, once; a reversal is not reversed.
CREATE FUNCTION ledger_reverse(
    tx_key text, digest text, tx_reason text, effective date, at timestamptz, wanted bigint
) RETURNS ledger_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    answer  ledger_answer := ledger_answer_of(tx_key);
    target  ledger_transaction;
    why_not jsonb;
    legs    record;
BEGIN
    IF answer.id IS NOT NULL THEN RETURN answer; END IF;
    SELECT * INTO target FROM ledger_transaction WHERE id = wanted FOR UPDATE;
    why_not := ledger_why_not_reverse(target, wanted);
    IF why_not IS NULL THEN
        SELECT array_agg(account_id ORDER BY leg) AS accounts, array_agg(asset_id ORDER BY leg) AS assets,
               array_agg(-amount ORDER BY leg) AS amounts, array_agg(ref ORDER BY leg) AS refs,
               array_agg(code ORDER BY leg) AS codes
        INTO legs FROM ledger_posting WHERE tx_id = wanted AND posted_on = target.posted_on;
        why_not := ledger_first_short(legs.accounts, legs.assets, legs.amounts);
        answer := ledger_write(tx_key, digest, tx_reason, effective, at, why_not, wanted, target.manifest,
                               legs.accounts, legs.assets, legs.amounts, legs.refs, legs.codes);
    ELSE
        answer := ledger_write(tx_key, digest, tx_reason, effective, at, why_not, NULL, NULL, '{}', '{}', '{}', '{}', '{}');
    END IF;
    IF answer.id IS NULL THEN answer := ledger_answer_of(tx_key); END IF;
    RETURN answer;
END
$body$;
