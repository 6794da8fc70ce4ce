-- Money is made and unmade by a bank's line alone. Judged when a transaction commits, for every client: what a transaction
-- puts on a counter account in an asset of money is the booking of one line, of that amount and currency.

CREATE FUNCTION money_judge_total() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    asset text := (SELECT a.code FROM ledger_asset a WHERE a.id = NEW.asset_id);
BEGIN
    IF asset LIKE 'money:%' AND NOT EXISTS (
        SELECT FROM money_booking b JOIN money_bank_line l ON l.id = b.line_id
        WHERE b.tx_id = NEW.tx_id AND b.amount_minor = -NEW.amount AND 'money:' || b.currency = asset
            AND l.currency = b.currency AND l.why_not = ''
            AND b.amount_minor = CASE WHEN l.is_debit THEN -l.amount_minor ELSE l.amount_minor END) THEN
        RAISE EXCEPTION 'transaction % makes % of % without a line of a bank', NEW.tx_id, -NEW.amount, asset
            USING ERRCODE = 'TL004', HINT = 'Money comes in and goes out by importing a bank''s statement.';
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER money_judge_total AFTER INSERT ON ledger_counter_total
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION money_judge_total();

REVOKE ALL ON FUNCTION money_judge_total() FROM PUBLIC;
