-- Trades of one listing, proposal or auction are judged one after the other, by what is committed, so that two connections
-- cannot sell the same tonnes: for every client. Triggers fire by name: this one before market_never_oversold, which then
-- sees what the others made while it waited.

CREATE FUNCTION market_in_turn() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a trade is judged by what is committed, and this transaction is %',
            current_setting('transaction_isolation')
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'Trade in a transaction that is READ COMMITTED.';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('tanpuhui.market.' || f.way, f.source))
    FROM (SELECT DISTINCT way, coalesce(listing_id, proposal_id, auction_id) AS source FROM fresh ORDER BY 1, 2) f;
    RETURN NULL;
END
$body$;

CREATE TRIGGER market_in_turn AFTER INSERT ON market_trade REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION market_in_turn();

REVOKE ALL ON FUNCTION market_in_turn() FROM PUBLIC;
