-- Trades of one listing, proposal or auction are made one after the other, by what is committed, so that two connections
-- cannot sell the same tonnes: for every client.

CREATE FUNCTION market_trades_in_turn() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a trade is judged by what is committed, and this transaction is %',
            current_setting('transaction_isolation')
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'Trade in a transaction that is READ COMMITTED.';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('tanpuhui.market.' || NEW.way,
        coalesce(NEW.listing_id, NEW.proposal_id, NEW.auction_id)));
    RETURN NEW;
END
$body$;

CREATE TRIGGER market_trades_in_turn BEFORE INSERT ON market_trade
    FOR EACH ROW EXECUTE FUNCTION market_trades_in_turn();

REVOKE ALL ON FUNCTION market_trades_in_turn() FROM PUBLIC;
