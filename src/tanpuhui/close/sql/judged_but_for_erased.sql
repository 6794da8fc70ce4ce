-- As issued.sql has it, but for what the close before had credited to somebody who was erased since: that stays issued, and
-- the close that follows neither counts it nor takes it back.

-- The sums of one close against what its manifest's columns say; cheap, since the rows are few.
CREATE OR REPLACE FUNCTION close_judge(digest text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
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
    SELECT m.credited_mg - coalesce((SELECT sum(e.credited_mg) FROM close_erased_credit e
        WHERE e.day = m.day AND e.sequence = m.sequence), 0) INTO before_mg FROM close_manifest m
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
