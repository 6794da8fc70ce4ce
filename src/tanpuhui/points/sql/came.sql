-- What came into somebody's accounts and may be converted: what was certified to them less what was clawed back, and what
-- closes credited. Months of closes' credits go to files (ledger/sql/detach.sql), so those are what the pending account
-- has less everything else that ever moved it, which stays in the table. Kind 2 is resident_certified, 1 resident_pending.

CREATE FUNCTION points_came(account bigint) RETURNS TABLE (account_id bigint, asset_id integer, amount bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
    SELECT c.account_id, c.asset_id, sum(c.amount)::bigint FROM (
        SELECT p.account_id, p.asset_id, p.amount FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id
        WHERE p.account_id = account * 16 + 2 AND t.reason IN ('certify', 'claw_back')
        UNION ALL
        SELECT b.account_id, b.asset_id, b.available + b.held FROM ledger_balance b WHERE b.account_id = account * 16 + 1
        UNION ALL
        SELECT p.account_id, p.asset_id, -p.amount FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id
        WHERE p.account_id = account * 16 + 1 AND t.reason <> 'close'
    ) c GROUP BY c.account_id, c.asset_id
$body$;

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
    SELECT coalesce(sum(c.amount), 0) INTO credited FROM points_came(NEW.account) c WHERE c.asset_id = NEW.asset;
    SELECT coalesce(sum(amount_mg), 0) INTO converted
    FROM points_conversion_line WHERE account = NEW.account AND asset = NEW.asset;
    IF converted + NEW.amount_mg > credited THEN
        RAISE EXCEPTION 'account % has % mg of asset % certified or pending and % converted: no milligram converts twice',
            NEW.account, credited, NEW.asset, converted USING ERRCODE = 'TP002';
    END IF;
    RETURN NEW;
END
$body$;

REVOKE ALL ON FUNCTION points_came(bigint) FROM PUBLIC;

DO $body$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tanpuhui_app') THEN
        GRANT EXECUTE ON FUNCTION points_came(bigint) TO tanpuhui_app;
    END IF;
END
$body$;
