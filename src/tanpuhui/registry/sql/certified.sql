-- What is certified has a lot behind it, and a lot has taken its tonnes out of pending. Judged when a transaction commits,
-- for every client. Lots follow each other without a gap in their serial numbers, and no two share one: so two of them
-- that are made at the same moment cannot both be judged without the other.

CREATE FUNCTION registry_refuse_lot(lot text, what text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    RAISE EXCEPTION 'lot %: %', lot, what
        USING ERRCODE = 'TL004', HINT = 'Reductions are certified by making a lot, and in no other way.';
END
$body$;

-- Of each batch of the lot, on one counter account: the amount that it put there.
CREATE FUNCTION registry_judge_lot(lot_code text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    lot       registry_lot;
    lot_mg    numeric;
    issued_mg numeric;
    crossed   numeric;
    strange   text;
BEGIN
    SELECT * INTO lot FROM registry_lot l WHERE l.code = lot_code;
    IF lot.code IS NULL THEN
        PERFORM registry_refuse_lot(lot_code, 'there is no such lot');
    END IF;
    lot_mg := lot.tonnes * 1000000000::numeric;
    SELECT coalesce(-sum(c.amount), 0) INTO issued_mg FROM ledger_counter_total c JOIN ledger_asset a ON a.id = c.asset_id
    WHERE a.code = 'lot:' || lot.code;
    SELECT coalesce(sum(c.amount), 0) INTO crossed
    FROM ledger_batch b JOIN ledger_counter_total c ON c.tx_id = ANY(b.transaction_ids)
    JOIN ledger_asset a ON a.id = c.asset_id JOIN ledger_account_kind k ON k.code = c.kind
    WHERE b.key = format('certify:%s:resident_pending', lot.code) AND k.name = 'certifying'
        AND a.code = format('pending:%s:%s', lot.methodology, lot.vintage);
    IF issued_mg <> lot_mg OR crossed <> lot_mg THEN
        PERFORM registry_refuse_lot(lot_code, format('%s tonnes, %s mg issued, %s mg taken out of pending', lot.tonnes,
            issued_mg, crossed));
    END IF;
    SELECT string_agg(format('%s %s', k.name, a.code), ', ') INTO strange
    FROM ledger_batch b JOIN ledger_counter_total c ON c.tx_id = ANY(b.transaction_ids)
    JOIN ledger_asset a ON a.id = c.asset_id JOIN ledger_account_kind k ON k.code = c.kind
    WHERE b.key IN (format('certify:%s:resident_pending', lot.code), format('certify:%s:resident_certified', lot.code))
        AND (k.name, a.code) NOT IN (('issuance', 'lot:' || lot.code),
            ('certifying', format('pending:%s:%s', lot.methodology, lot.vintage)));
    IF strange IS NOT NULL THEN
        PERFORM registry_refuse_lot(lot_code, 'it touches ' || strange);
    END IF;
END
$body$;

-- A row on a counter account: what certified reductions come from, and what crosses to a lot.
CREATE FUNCTION registry_judge_total() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    asset text := (SELECT a.code FROM ledger_asset a WHERE a.id = NEW.asset_id);
    kind  text := (SELECT k.name FROM ledger_account_kind k WHERE k.code = NEW.kind);
    key   text := (SELECT b.key FROM ledger_transaction t JOIN ledger_batch b ON b.id = t.batch_id WHERE t.id = NEW.tx_id);
BEGIN
    IF asset LIKE 'lot:%' OR kind = 'certifying' THEN
        IF key IS NULL OR key !~ '^certify:.*:(resident_pending|resident_certified)$' THEN
            PERFORM registry_refuse_lot(coalesce(key, 'that nobody made'), format('%s mg of %s on %s', NEW.amount, asset, kind));
        END IF;
        PERFORM registry_judge_lot(substring(key FROM '^certify:(.*):resident_'));
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER registry_judge_total AFTER INSERT ON ledger_counter_total
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_judge_total();

-- A lot: it follows the last one, its closes are there, and all lots together take no more than what closes credit.
CREATE FUNCTION registry_judge_new_lot() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    last_serial bigint := (SELECT coalesce(max(l.serial_last), 0) FROM registry_lot l WHERE l.serial_first < NEW.serial_first);
    standing_mg numeric;
    lots_mg     numeric := (SELECT sum(l.tonnes) * 1000000000::numeric FROM registry_lot l);
BEGIN
    IF NEW.serial_first <> last_serial + 1 OR extract(year FROM NEW.through) <> NEW.vintage THEN
        PERFORM registry_refuse_lot(NEW.code, 'its serial numbers or its vintage do not follow');
    END IF;
    IF EXISTS (SELECT FROM jsonb_array_elements_text(NEW.manifests) AS named
               WHERE NOT EXISTS (SELECT FROM close_manifest m WHERE m.digest = named)) THEN
        PERFORM registry_refuse_lot(NEW.code, 'it names a close that is not there');
    END IF;
    SELECT coalesce(sum(s.credited_mg - (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(s.below_mg))), 0)
    INTO standing_mg
    FROM (SELECT DISTINCT ON (day) credited_mg, body -> 'below_mg' AS below_mg
          FROM close_manifest ORDER BY day, sequence DESC) s;
    IF lots_mg > standing_mg THEN
        PERFORM registry_refuse_lot(NEW.code, format('all lots take %s mg, all closes credit %s mg', lots_mg, standing_mg));
    END IF;
    PERFORM registry_judge_lot(NEW.code);
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER registry_judge_new_lot AFTER INSERT ON registry_lot
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_judge_new_lot();

REVOKE ALL ON FUNCTION registry_refuse_lot(text, text), registry_judge_lot(text), registry_judge_total(),
    registry_judge_new_lot() FROM PUBLIC;
