-- A milligram converts once, certified or, where it is never certified, pending: for every client, the owner included.

CREATE OR REPLACE FUNCTION points_converts_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    credited bigint;
    converted bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tanpuhui.points.convert', NEW.account));
    IF NEW.account <> (SELECT account FROM points_conversion WHERE id = NEW.conversion_id) THEN
        RAISE EXCEPTION 'a line converts what belongs to the account of its conversion' USING ERRCODE = 'TP002';
    END IF;
    -- What came by certification, less what was clawed back, or by closes. Kind 2 is resident_certified, 1 resident_pending.
    SELECT coalesce(sum(p.amount), 0) INTO credited
    FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id
    WHERE p.asset_id = NEW.asset AND (
        (p.account_id = NEW.account * 16 + 2 AND t.reason IN ('certify', 'claw_back'))
        OR (p.account_id = NEW.account * 16 + 1 AND t.reason = 'close'));
    SELECT coalesce(sum(amount_mg), 0) INTO converted
    FROM points_conversion_line WHERE account = NEW.account AND asset = NEW.asset;
    IF converted + NEW.amount_mg > credited THEN
        RAISE EXCEPTION 'account % has % mg of asset % certified or pending and % converted: no milligram converts twice',
            NEW.account, credited, NEW.asset, converted USING ERRCODE = 'TP002';
    END IF;
    RETURN NEW;
END
$body$;
