-- What another platform reported: the third way in which reductions come into the ledger, judged like closes and lots.
-- A report is a row of registry_reported and a batch with the key report:<its key>; neither is there without the other.

CREATE FUNCTION registry_judge_report(report_key text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    report    registry_reported;
    batch     ledger_batch;
    before_mg numeric;
    lines_mg  numeric;
    issued    numeric;
    strange   text;
BEGIN
    SELECT * INTO report FROM registry_reported r WHERE r.key = report_key;
    SELECT * INTO batch FROM ledger_batch b WHERE b.key = 'report:' || report_key;
    IF report.id IS NULL OR batch.id IS NULL THEN
        PERFORM close_refuse_issue(report_key, 'there is no report and batch of that key');
    END IF;
    SELECT coalesce(sum((l ->> 'credited_mg')::bigint), 0) INTO lines_mg FROM jsonb_array_elements(report.lines) l;
    SELECT coalesce((SELECT r.credited_mg FROM registry_reported r WHERE (r.district, r.day, r.subject) =
        (report.district, report.day, report.subject) AND r.id < report.id ORDER BY r.id DESC LIMIT 1), 0) INTO before_mg;
    IF lines_mg <> report.credited_mg
        OR (batch.reason, batch.effective_on) IS DISTINCT FROM ('report', report.day) THEN
        PERFORM close_refuse_issue(report_key, 'its lines or its batch are not what the report says');
    END IF;
    SELECT coalesce(-sum(c.amount), 0) INTO issued
    FROM ledger_counter_total c JOIN ledger_asset a ON a.id = c.asset_id JOIN ledger_account_kind k ON k.code = c.kind
    WHERE c.tx_id = ANY(batch.transaction_ids) AND a.code LIKE 'pending:%' AND k.name = 'issuance';
    IF issued <> report.credited_mg - before_mg THEN
        PERFORM close_refuse_issue(report_key, format('%s mg issued, reported %s mg after %s mg', issued,
            report.credited_mg, before_mg));
    END IF;
    SELECT string_agg(DISTINCT format('%s of %s', k.name, a.code), ', ') INTO strange
    FROM ledger_counter_total c JOIN ledger_asset a ON a.id = c.asset_id JOIN ledger_account_kind k ON k.code = c.kind
    WHERE c.tx_id = ANY(batch.transaction_ids) AND NOT (
        (a.code LIKE 'pending:%' AND k.name IN ('issuance', 'clawback') OR a.code LIKE 'owed:%' AND k.name = 'issuance')
        AND substring(a.code FROM '[^:]*$') = extract(year FROM report.day)::text);
    IF strange IS NOT NULL THEN
        PERFORM close_refuse_issue(report_key, 'it touches ' || strange);
    END IF;
    IF EXISTS (SELECT FROM ledger_posting p JOIN ledger_account_kind k ON k.code = (p.account_id & 15) AND NOT k.counter
               WHERE p.tx_id = ANY(batch.transaction_ids) AND p.account_id >> 4 <> report.district) THEN
        PERFORM close_refuse_issue(report_key, 'it touches an account of somebody else');
    END IF;
END
$body$;

CREATE FUNCTION registry_judge_reported() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    PERFORM registry_judge_report(NEW.key);
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER registry_judge_reported AFTER INSERT ON registry_reported
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_judge_reported();

-- Pending reductions come from a close of ours, or from a report.
CREATE OR REPLACE FUNCTION close_judge_total() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    asset text := (SELECT a.code FROM ledger_asset a WHERE a.id = NEW.asset_id);
    kind  text := (SELECT k.name FROM ledger_account_kind k WHERE k.code = NEW.kind);
    key   text := (SELECT b.key FROM ledger_transaction t JOIN ledger_batch b ON b.id = t.batch_id WHERE t.id = NEW.tx_id);
BEGIN
    IF kind <> 'certifying' AND (asset LIKE 'pending:%' OR asset LIKE 'owed:%') THEN
        IF key LIKE 'report:%' THEN
            PERFORM registry_judge_report(substring(key FROM 8));
        ELSIF key LIKE 'close:%' THEN
            PERFORM close_judge(substring(key FROM 7));
        ELSE
            PERFORM close_refuse_issue(NULL, format('%s mg of %s from %s', -NEW.amount, asset, kind));
        END IF;
    END IF;
    RETURN NULL;
END
$body$;

-- A lot: it follows the last one (with a gap where another registry numbers it), what it rests on is there, and lots
-- take no more than what closes credit; of a district no more than what it reported.
CREATE OR REPLACE FUNCTION registry_judge_new_lot() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    last_serial bigint := (SELECT coalesce(max(l.serial_last), 0) FROM registry_lot l WHERE l.serial_first < NEW.serial_first);
    far         registry_far_lot;
    standing_mg numeric;
    lots_mg     numeric;
BEGIN
    SELECT * INTO far FROM registry_far_lot f WHERE f.lot_id = NEW.code;
    IF (NEW.serial_first <> last_serial + 1 AND far.home IS DISTINCT FROM 'elsewhere')
        OR extract(year FROM NEW.through) <> NEW.vintage THEN
        PERFORM registry_refuse_lot(NEW.code, 'its serial numbers or its vintage do not follow');
    END IF;
    IF far.home = 'reported' THEN
        IF EXISTS (SELECT FROM jsonb_array_elements_text(NEW.manifests) AS named WHERE NOT EXISTS
                   (SELECT FROM registry_reported r WHERE r.manifest = named AND r.district = far.owner)) THEN
            PERFORM registry_refuse_lot(NEW.code, 'it names a close that was not reported');
        END IF;
        SELECT coalesce(sum(s.credited_mg - s.below_mg), 0) INTO standing_mg
        FROM (SELECT DISTINCT ON (day, subject) credited_mg, below_mg FROM registry_reported
              WHERE district = far.owner ORDER BY day, subject, id DESC) s;
        SELECT sum(l.tonnes) * 1000000000::numeric INTO lots_mg
        FROM registry_lot l JOIN registry_far_lot f ON f.lot_id = l.code AND f.owner = far.owner;
    ELSE
        IF EXISTS (SELECT FROM jsonb_array_elements_text(NEW.manifests) AS named
                   WHERE NOT EXISTS (SELECT FROM close_manifest m WHERE m.digest = named)) THEN
            PERFORM registry_refuse_lot(NEW.code, 'it names a close that is not there');
        END IF;
        SELECT coalesce(sum(s.credited_mg - (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(s.below_mg))), 0)
        INTO standing_mg
        FROM (SELECT DISTINCT ON (day) credited_mg, body -> 'below_mg' AS below_mg
              FROM close_manifest ORDER BY day, sequence DESC) s;
        -- What another registry certified it has judged; days may have been closed again meanwhile.
        SELECT coalesce(sum(l.tonnes), 0) * 1000000000::numeric INTO lots_mg
        FROM registry_lot l WHERE far.home IS DISTINCT FROM 'elsewhere' AND NOT EXISTS
            (SELECT FROM registry_far_lot f WHERE f.lot_id = l.code AND f.home = 'reported');
    END IF;
    IF lots_mg > standing_mg THEN
        PERFORM registry_refuse_lot(NEW.code, format('all lots take %s mg, all closes credit %s mg', lots_mg, standing_mg));
    END IF;
    PERFORM registry_judge_lot(NEW.code);
    RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION registry_judge_report(text), registry_judge_reported() FROM PUBLIC;
