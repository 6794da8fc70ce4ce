-- What is issued as pending, or is owed, has a close behind it that says exactly so. Judged when a transaction commits,
-- for every client: a manifest and the batch that it names are two halves, and neither is there without the other.
--
-- A batch with the key close:<digest> belongs to the manifest with that digest. Of pending reductions it issues what the
-- manifest credits more than the one before it of the same day, all of the day's year; what it claws back is owed.

CREATE FUNCTION close_refuse_issue(digest text, what text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    RAISE EXCEPTION 'close %: %', coalesce(digest, 'that has no manifest'), what
        USING ERRCODE = 'TL004', HINT = 'Pending reductions are issued by closing a day, and in no other way.';
END
$body$;

-- The sums of one close against what its manifest's columns say; cheap, since the rows are few.
CREATE FUNCTION close_judge(digest text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    manifest  close_manifest;
    before_mg bigint;
    batch     ledger_batch;
    issued    numeric;
    strange   text;
BEGIN
    SELECT * INTO manifest FROM close_manifest m WHERE m.digest = close_judge.digest;
    SELECT * INTO batch FROM ledger_batch b WHERE b.key = 'close:' || close_judge.digest;
    IF manifest.digest IS NULL OR batch.id IS NULL THEN
        PERFORM close_refuse_issue(digest, 'there is no manifest and batch of that digest');
    END IF;
    SELECT m.credited_mg INTO before_mg FROM close_manifest m
    WHERE m.day = manifest.day AND m.sequence = manifest.sequence - 1;
    IF (before_mg IS NULL) <> (manifest.sequence = 1) THEN
        PERFORM close_refuse_issue(digest, format('its sequence %s does not follow', manifest.sequence));
    END IF;
    IF (batch.manifest, batch.reason, batch.effective_on) IS DISTINCT FROM (digest, 'close', manifest.day) THEN
        PERFORM close_refuse_issue(digest, 'its batch is of another manifest, reason or day');
    END IF;
    SELECT string_agg(DISTINCT format('%s of %s', k.name, a.code), ', ') INTO strange
    FROM ledger_counter_total c JOIN ledger_asset a ON a.id = c.asset_id JOIN ledger_account_kind k ON k.code = c.kind
    WHERE c.tx_id = ANY(batch.transaction_ids) AND NOT (
        (a.code LIKE 'pending:%' AND k.name IN ('issuance', 'clawback') OR a.code LIKE 'owed:%' AND k.name = 'issuance')
        AND substring(a.code FROM '[^:]*$') = extract(year FROM manifest.day)::text);
    IF strange IS NOT NULL THEN
        PERFORM close_refuse_issue(digest, 'it touches ' || strange);
    END IF;
    SELECT coalesce(-sum(c.amount), 0) INTO issued
    FROM ledger_counter_total c JOIN ledger_asset a ON a.id = c.asset_id JOIN ledger_account_kind k ON k.code = c.kind
    WHERE c.tx_id = ANY(batch.transaction_ids) AND a.code LIKE 'pending:%' AND k.name = 'issuance';
    IF issued <> manifest.credited_mg - coalesce(before_mg, 0) THEN
        PERFORM close_refuse_issue(digest, format('%s mg issued, credited %s mg after %s mg', issued,
            manifest.credited_mg, coalesce(before_mg, 0)));
    END IF;
    SELECT string_agg(kept.asset, ', ') INTO strange FROM (
        SELECT substring(a.code FROM ':.*') AS asset,
            coalesce(sum(c.amount) FILTER (WHERE k.name = 'clawback'), 0) AS clawed_back,
            coalesce(sum(c.amount) FILTER (WHERE a.code LIKE 'owed:%'), 0) AS owed
        FROM ledger_counter_total c JOIN ledger_asset a ON a.id = c.asset_id
        JOIN ledger_account_kind k ON k.code = c.kind
        WHERE c.tx_id = ANY(batch.transaction_ids) GROUP BY 1) kept
    WHERE kept.clawed_back <> kept.owed;
    IF strange IS NOT NULL THEN
        PERFORM close_refuse_issue(digest, 'what is clawed back is not what is owed of ' || strange);
    END IF;
END
$body$;

-- A row on a counter account, in what closes alone issue. What crosses to a lot is the registry's to judge.
CREATE FUNCTION close_judge_total() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    asset text := (SELECT a.code FROM ledger_asset a WHERE a.id = NEW.asset_id);
    kind  text := (SELECT k.name FROM ledger_account_kind k WHERE k.code = NEW.kind);
    key   text := (SELECT b.key FROM ledger_transaction t JOIN ledger_batch b ON b.id = t.batch_id WHERE t.id = NEW.tx_id);
BEGIN
    IF kind <> 'certifying' AND (asset LIKE 'pending:%' OR asset LIKE 'owed:%') THEN
        IF key IS NULL OR key NOT LIKE 'close:%' THEN
            PERFORM close_refuse_issue(NULL, format('%s mg of %s from %s', -NEW.amount, asset, kind));
        END IF;
        PERFORM close_judge(substring(key FROM 7));
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER close_judge_total AFTER INSERT ON ledger_counter_total
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION close_judge_total();

-- A manifest: its columns are what its text says, it follows the one before, and its batch is there.
CREATE FUNCTION close_judge_manifest() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    previous text := (SELECT m.digest FROM close_manifest m WHERE m.day = NEW.day AND m.sequence = NEW.sequence - 1);
    outputs  numeric := (SELECT coalesce(sum((o ->> 'credited_mg')::bigint), 0)
                         FROM jsonb_array_elements(NEW.body -> 'outputs') AS o);
BEGIN
    IF (NEW.body #>> '{inputs,day}')::date IS DISTINCT FROM NEW.day
        OR (NEW.body ->> 'previous') IS DISTINCT FROM previous
        OR (NEW.body ->> 'credited_mg')::bigint IS DISTINCT FROM NEW.credited_mg
        OR outputs <> NEW.credited_mg OR NEW.credited_mg < 0 THEN
        PERFORM close_refuse_issue(NEW.digest, 'its columns are not what its text says');
    END IF;
    PERFORM close_judge(NEW.digest);
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER close_judge_manifest AFTER INSERT ON close_manifest
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION close_judge_manifest();

REVOKE ALL ON FUNCTION close_refuse_issue(text, text), close_judge(text), close_judge_total(), close_judge_manifest()
    FROM PUBLIC;
