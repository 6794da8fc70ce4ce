-- A posted transaction without legs would be a promise without a deed: looked at when the database commits.
CREATE FUNCTION ledger_posted_means_applied() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_applied WHERE tx_id = NEW.id) THEN
        RAISE EXCEPTION 'transaction % has no legs', NEW.id USING ERRCODE = 'TL002';
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER ledger_posted_means_applied AFTER INSERT ON ledger_transaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'posted')
    EXECUTE FUNCTION ledger_posted_means_applied();
