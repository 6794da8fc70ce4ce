-- A sponsor's budget is filled by a payment that is named, once: for every client. Judged when a transaction commits: what
-- comes in from outside in a sponsor's money (kind 6 is issuance) is one funding, of that amount.
CREATE FUNCTION points_judge_funded() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    IF EXISTS (SELECT FROM points_sponsor s WHERE s.money_asset = NEW.asset_id) AND NOT EXISTS (
            SELECT FROM points_funding f JOIN points_sponsor s ON s.organisation_id = f.sponsor_id
            WHERE f.tx_id = NEW.tx_id AND f.amount_minor = -NEW.amount AND s.money_asset = NEW.asset_id) THEN
        RAISE EXCEPTION 'transaction % brings % into a budget without a payment', NEW.tx_id, -NEW.amount
            USING ERRCODE = 'TP002', HINT = 'Money comes into a budget by funding it.';
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER points_judge_funded AFTER INSERT ON ledger_counter_total
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 6 AND NEW.amount < 0)
    EXECUTE FUNCTION points_judge_funded();
