-- What is offered is sold once: trades of a listing, a proposal or an auction never sum to more than it has, whoever
-- inserts them.

CREATE FUNCTION market_never_oversold() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    over record;
BEGIN
    SELECT o.what, o.id, o.tonnes, sum(t.tonnes) AS sold INTO over
    FROM (SELECT 'listing' AS what, l.id, l.tonnes FROM market_listing l WHERE l.id IN (SELECT listing_id FROM fresh)
          UNION ALL
          SELECT 'proposal', p.id, p.tonnes FROM market_proposal p WHERE p.id IN (SELECT proposal_id FROM fresh)
          UNION ALL
          SELECT 'auction', a.id, a.tonnes FROM market_auction a WHERE a.id IN (SELECT auction_id FROM fresh)) o
    JOIN market_trade t ON o.what = 'listing' AND t.listing_id = o.id OR o.what = 'proposal' AND t.proposal_id = o.id
        OR o.what = 'auction' AND t.auction_id = o.id
    GROUP BY o.what, o.id, o.tonnes HAVING sum(t.tonnes) > o.tonnes LIMIT 1;
    IF over.id IS NOT NULL THEN
        RAISE EXCEPTION '% % has % t, and % t would be sold', over.what, over.id, over.tonnes, over.sold
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE TRIGGER market_never_oversold AFTER INSERT ON market_trade REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION market_never_oversold();

REVOKE ALL ON FUNCTION market_never_oversold() FROM PUBLIC;
