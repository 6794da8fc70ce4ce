-- Months that are over for long: what closes put on residents' pending accounts is in a file beside the database, which a
-- row here names by its digest. Everything else of such a month stays: other accounts, certification, single transactions.
-- So what a function reads of the table is whole from a day on (ledger_kept_from), and of a moment before it those that
-- would have to know the files refuse (TL005).

CREATE TABLE ledger_detached_month (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month       date        NOT NULL UNIQUE CHECK (extract(day FROM month) = 1),
    legs        bigint      NOT NULL CHECK (legs >= 0),
    amount_mg   bigint      NOT NULL,
    bytes       bigint      NOT NULL CHECK (bytes > 0),
    digest      text        NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    detached_at timestamptz NOT NULL
);

SELECT ledger_guard_table('ledger_detached_month');

-- Which legs of a batch go. Who reads certified legs reads them of all months, so those never go (docs/decisions/
-- a-detached-month-is-a-file.md). Kind 1 is resident_pending; residents are numbered from 1 and organisations from 2^48.
CREATE FUNCTION ledger_may_be_detached(account_id bigint, reason text, batch_id bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE AS
$body$
    SELECT account_id & 15 = 1 AND account_id >> 4 BETWEEN 1 AND 281474976710655 AND reason = 'close' AND batch_id IS NOT NULL
$body$;

CREATE FUNCTION ledger_detachable(of_month date) RETURNS SETOF ledger_posting
LANGUAGE sql STABLE AS
$body$
    SELECT p.* FROM public.ledger_posting_batch p JOIN public.ledger_transaction t ON t.id = p.tx_id
    WHERE p.posted_on >= of_month AND p.posted_on < (of_month + interval '1 month')::date
        AND public.ledger_may_be_detached(p.account_id, t.reason, t.batch_id)
$body$;

-- Take a month's legs out of its partition, for the owner alone: triggers that stop everybody are off for this one
-- statement, and the lock keeps writers away meanwhile. The rows are deleted and not truncated: whoever began to read
-- before the commit still sees them. What went is what the file has, or nothing goes.
CREATE FUNCTION ledger_detach_month(
    of_month date, file_legs bigint, file_mg bigint, file_bytes bigint, file_digest text, at timestamptz
) RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    partition constant text := format('public.%I', 'ledger_posting_batch' || to_char(of_month, '_YYYY_MM'));
    made bigint;
    went bigint;
    went_mg numeric;
BEGIN
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ledger_only_grows', partition);
    EXECUTE format($taken$
        WITH taken AS (
            DELETE FROM %s p USING ledger_transaction t
            WHERE t.id = p.tx_id AND ledger_may_be_detached(p.account_id, t.reason, t.batch_id)
            RETURNING p.amount)
        SELECT count(*), coalesce(sum(amount), 0) FROM taken
        $taken$, partition) INTO went, went_mg;
    EXECUTE format('ALTER TABLE %s ENABLE TRIGGER ledger_only_grows', partition);
    IF (went, went_mg) IS DISTINCT FROM (file_legs, file_mg::numeric) THEN
        RAISE EXCEPTION 'the table has % legs of % mg, the file % of %', went, went_mg, file_legs, file_mg
            USING ERRCODE = 'TL003', HINT = 'Nothing was taken out. Detach the month again.';
    END IF;
    INSERT INTO ledger_detached_month (month, legs, amount_mg, bytes, digest, detached_at)
    VALUES (of_month, file_legs, file_mg, file_bytes, file_digest, at) RETURNING id INTO made;
    RETURN made;
END
$body$;

-- The first day from which the table has all legs of some accounts; nothing where it has those of every day.
CREATE FUNCTION ledger_kept_from(first_account bigint, last_account bigint) RETURNS date
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
    SELECT (max(month) + interval '1 month')::date FROM ledger_detached_month
    WHERE CASE WHEN first_account = last_account THEN first_account & 15 = 1 ELSE true END
        AND last_account >> 4 >= 1 AND first_account >> 4 <= 281474976710655
$body$;

CREATE FUNCTION ledger_refuse_detached(kept_from date) RETURNS void LANGUAGE plpgsql AS
$body$
BEGIN
    RAISE EXCEPTION 'legs before % are in files', kept_from USING ERRCODE = 'TL005',
        DETAIL = json_build_object('kept_from', kept_from)::text,
        HINT = 'Ask by tanpuhui.ledger.statement or balance, which read files too; again where a month has just gone to one.';
END
$body$;

-- Lines of accounts as before, with legs that somebody read from files among them. Whoever did says from which day on the
-- table was whole to them: a month that went to its file since would be missing on both sides, and refuses.
CREATE FUNCTION ledger_lines_with(
    first_account bigint, last_account bigint, at timestamptz, whole_from date, tx_ids bigint[], accounts bigint[],
    amounts bigint[], refs bigint[], assets integer[], days date[], legs integer[], codes smallint[]
)
RETURNS TABLE (tx_id bigint, leg integer, account_id bigint, asset text, unit text, amount bigint, ref bigint,
               code smallint, balance bigint, reason text, effective_on date, posted_at timestamptz, reverses bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 AS
$body$
DECLARE
    kept_from constant date := ledger_kept_from(first_account, last_account);
BEGIN
    IF kept_from IS DISTINCT FROM whole_from THEN PERFORM ledger_refuse_detached(kept_from); END IF;
    RETURN QUERY
        SELECT p.tx_id, p.leg, p.account_id, a.code, a.unit, p.amount, p.ref, p.code,
               (sum(p.amount) OVER (PARTITION BY p.account_id, p.asset_id ORDER BY p.posted_on, p.tx_id, p.leg))::bigint,
               t.reason, t.effective_on, t.posted_at, t.reverses
        FROM (
            SELECT k.tx_id, k.account_id, k.amount, k.ref, k.asset_id, k.posted_on, k.leg, k.code
            FROM ledger_postings_of(first_account, last_account, '-infinity', (at AT TIME ZONE 'UTC')::date) k
            UNION ALL
            SELECT f.* FROM unnest(tx_ids, accounts, amounts, refs, assets, days, legs, codes)
                AS f (tx_id, account_id, amount, ref, asset_id, posted_on, leg, code)
        ) p JOIN ledger_transaction t ON t.id = p.tx_id JOIN ledger_asset a ON a.id = p.asset_id
        WHERE t.posted_at <= at
        ORDER BY p.posted_on DESC, p.tx_id DESC, p.leg DESC;
END
$body$;

CREATE OR REPLACE FUNCTION ledger_lines(first_account bigint, last_account bigint, at timestamptz)
RETURNS TABLE (tx_id bigint, leg integer, account_id bigint, asset text, unit text, amount bigint, ref bigint,
               code smallint, balance bigint, reason text, effective_on date, posted_at timestamptz, reverses bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    kept_from constant date := ledger_kept_from(first_account, last_account);
BEGIN
    IF kept_from IS NOT NULL
        AND EXISTS (SELECT FROM ledger_detached_month d WHERE d.month <= (at AT TIME ZONE 'UTC')::date) THEN
        PERFORM ledger_refuse_detached(kept_from);
    END IF;
    RETURN QUERY SELECT * FROM ledger_lines_with(
        first_account, last_account, at, kept_from, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}');
END
$body$;

-- What accounts with a floor had at a moment, counted back from now. Where something moved since and the table has nothing
-- of before, nothing was there then, unless a detached month has it: such a row is not listed here, and says so.
CREATE FUNCTION ledger_balance_seen(first_account bigint, last_account bigint, at timestamptz)
RETURNS TABLE (account_id bigint, asset text, unit text, balance bigint, listed boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 AS
$body$
DECLARE
    kept_from constant date := ledger_kept_from(first_account, last_account);
BEGIN
    IF at < kept_from::timestamp AT TIME ZONE 'UTC' THEN PERFORM ledger_refuse_detached(kept_from); END IF;
    RETURN QUERY
        WITH since AS MATERIALIZED (
            SELECT p.account_id, p.asset_id, sum(p.amount) AS amount
            FROM ledger_postings_of(first_account, last_account, (at AT TIME ZONE 'UTC')::date, 'infinity') p
            JOIN ledger_transaction t ON t.id = p.tx_id
            WHERE t.posted_at > at
            GROUP BY p.account_id, p.asset_id
        )
        SELECT b.account_id, a.code, a.unit, (b.available + b.held - coalesce(s.amount, 0))::bigint,
            b.available + b.held <> coalesce(s.amount, 0) OR s.amount IS NULL OR EXISTS (
                SELECT FROM ledger_postings_of(b.account_id, b.account_id, '-infinity', (at AT TIME ZONE 'UTC')::date) p
                JOIN ledger_transaction t ON t.id = p.tx_id WHERE p.asset_id = b.asset_id AND t.posted_at <= at)
        FROM ledger_balance b JOIN ledger_asset a ON a.id = b.asset_id
        LEFT JOIN since s ON s.account_id = b.account_id AND s.asset_id = b.asset_id
        WHERE b.account_id BETWEEN first_account AND last_account
        ORDER BY b.account_id, a.code;
END
$body$;

CREATE OR REPLACE FUNCTION ledger_balance_back(first_account bigint, last_account bigint, at timestamptz)
RETURNS TABLE (account_id bigint, asset text, unit text, balance bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
    SELECT account_id, asset, unit, balance FROM ledger_balance_seen(first_account, last_account, at) WHERE listed
$body$;

CREATE OR REPLACE FUNCTION ledger_balance_at(first_account bigint, last_account bigint, at timestamptz)
RETURNS TABLE (account_id bigint, asset text, unit text, balance bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    kept_from constant date := ledger_kept_from(first_account, last_account);
BEGIN
    -- Residents have accounts with a floor alone; the ledger itself (owner 0) and organisations (from 2^48 on) have others.
    -- From the first day on no sum is whole once a month is detached: it is counted back, however long ago the moment is.
    IF kept_from IS NULL AND at < now() - interval '62 days' OR (CASE WHEN first_account = last_account
        THEN EXISTS (SELECT FROM ledger_account_kind k WHERE NOT k.floored AND k.code = (first_account & 15))
        ELSE NOT first_account >> 4 BETWEEN 1 AND 281474976710655 END) THEN
        RETURN QUERY SELECT * FROM ledger_balance_forth(first_account, last_account, at);
    ELSE
        RETURN QUERY SELECT s.account_id, s.asset, s.unit, s.balance
            FROM ledger_balance_seen(first_account, last_account, at) s WHERE s.listed;
    END IF;
END
$body$;

-- The newest lines, of months that the table has whole: fewer than asked for where those have fewer.
CREATE OR REPLACE FUNCTION ledger_newest_lines(first_account bigint, last_account bigint, at timestamptz, most integer)
RETURNS TABLE (tx_id bigint, leg integer, account_id bigint, asset text, unit text, amount bigint, ref bigint,
               code smallint, balance bigint, reason text, effective_on date, posted_at timestamptz, reverses bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 AS
$body$
DECLARE
    kept_from constant date := ledger_kept_from(first_account, last_account);
    until constant date := (at AT TIME ZONE 'UTC')::date;
    since date := until;
    lines constant text := $lines$
        FROM public.ledger_postings_of($1, $2, %L, %L) p JOIN public.ledger_transaction t ON t.id = p.tx_id
        JOIN public.ledger_asset a ON a.id = p.asset_id
        WHERE t.posted_at <= $3
    $lines$;
    month date;
    there bigint;
    found bigint := 0;
BEGIN
    IF at < kept_from::timestamp AT TIME ZONE 'UTC' THEN PERFORM ledger_refuse_detached(kept_from); END IF;
    FOR month IN
        SELECT DISTINCT to_date(right(c.relname, 7), 'YYYY_MM') AS first_day
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN ('public.ledger_posting_batch'::regclass, 'public.ledger_posting_single'::regclass)
            AND to_date(right(c.relname, 7), 'YYYY_MM') BETWEEN coalesce(kept_from, '-infinity') AND until
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

-- What is in a file is not reversed: the reversal would have to invert legs that the table does not have.
CREATE OR REPLACE FUNCTION ledger_why_not_reverse(target ledger_transaction, wanted bigint) RETURNS jsonb
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
        WHEN target.reason = 'close' AND target.batch_id IS NOT NULL AND EXISTS (
                SELECT FROM ledger_detached_month WHERE month = date_trunc('month', target.posted_on::timestamp)) THEN
            jsonb_build_object('code', 'ledger.reversal_of_detached', 'facts', jsonb_build_object(
                'tx_id', wanted, 'month', to_char(target.posted_on, 'YYYY-MM')))
    END
$body$;
