-- Points are made by a conversion or a purchase alone, and a settlement has each line as it happened: for every client.

-- Judged when a transaction commits: what goes out of a sponsor's liability in its points is one conversion, of lots that
-- sum to it, or one purchase, of as many points, whose money the sponsor got. Kind 9 is points_liability.
CREATE FUNCTION points_judge_minted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    IF EXISTS (SELECT FROM points_sponsor s WHERE s.points_asset = NEW.asset_id)
        AND NOT EXISTS (
            SELECT FROM points_conversion c JOIN points_sponsor s ON s.organisation_id = c.sponsor_id
            WHERE c.tx_id = NEW.tx_id AND c.points = -NEW.amount AND s.points_asset = NEW.asset_id
                AND c.amount_mg = (SELECT sum(l.amount_mg) FROM points_conversion_line l WHERE l.conversion_id = c.id))
        AND NOT EXISTS (
            SELECT FROM points_purchase b JOIN points_sponsor s ON s.organisation_id = b.sponsor_id
            WHERE b.tx_id = NEW.tx_id AND b.points = -NEW.amount AND s.points_asset = NEW.asset_id
                AND b.point_value_minor = s.point_value_minor AND EXISTS (
                    SELECT FROM ledger_transaction t JOIN ledger_posting p ON p.tx_id = t.id AND p.posted_on = t.posted_on
                    JOIN ledger_asset m ON m.id = p.asset_id AND m.code = 'money:' || s.currency
                    WHERE t.key = 'points.buy:' || b.key AND p.amount = b.amount_minor
                        AND p.account_id = (281474976710656 + s.organisation_id) * 16 + 4)) THEN
        RAISE EXCEPTION 'transaction % makes % points that nobody converted or bought', NEW.tx_id, -NEW.amount
            USING ERRCODE = 'TP002', HINT = 'Points are made by converting reductions or by buying them.';
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER points_judge_minted AFTER INSERT ON ledger_counter_total
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 9 AND NEW.amount < 0)
    EXECUTE FUNCTION points_judge_minted();

-- A line is a capture or a refund of its settlement's merchant and sponsor, of as many points, at what a point is worth.
CREATE FUNCTION points_settles_what_happened() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    strange record;
BEGIN
    SELECT f.id, f.redemption_id INTO strange
    FROM fresh f JOIN points_settlement t ON t.id = f.settlement_id JOIN points_sponsor s ON s.organisation_id = t.sponsor_id
    LEFT JOIN points_closing c ON f.refund_id IS NULL AND c.redemption_id = f.redemption_id AND c.state = 'captured'
        AND c.organisation_id = t.organisation_id AND c.sponsor_id = t.sponsor_id AND c.points = f.points
    LEFT JOIN points_refund r ON r.id = f.refund_id AND r.redemption_id = f.redemption_id
        AND r.organisation_id = t.organisation_id AND r.sponsor_id = t.sponsor_id AND r.points = -f.points
    WHERE coalesce(c.redemption_id, r.redemption_id) IS NULL OR f.amount_minor <> f.points * s.point_value_minor LIMIT 1;
    IF strange.id IS NOT NULL THEN
        RAISE EXCEPTION 'line % of redemption % is no capture or refund of its settlement', strange.id, strange.redemption_id
            USING ERRCODE = 'TP002';
    END IF;
    RETURN NULL;
END
$body$;

CREATE TRIGGER points_settles_what_happened AFTER INSERT ON points_settlement_line
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION points_settles_what_happened();

-- A refund is of a redemption of its merchant, in the points of its sponsor.
CREATE FUNCTION points_refunds_its_own() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    IF NOT EXISTS (SELECT FROM points_closing c WHERE c.redemption_id = NEW.redemption_id AND c.state = 'captured'
                   AND c.organisation_id = NEW.organisation_id AND c.sponsor_id = NEW.sponsor_id) THEN
        RAISE EXCEPTION 'redemption % is not of merchant % in points of %', NEW.redemption_id, NEW.organisation_id,
            NEW.sponsor_id USING ERRCODE = 'TP002';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER points_refunds_its_own BEFORE INSERT ON points_refund
    FOR EACH ROW EXECUTE FUNCTION points_refunds_its_own();

-- And its points went to whoever redeemed, in its transaction.
CREATE FUNCTION points_refunds_what_was_posted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    IF NOT EXISTS (
            SELECT FROM points_redemption r JOIN points_sponsor s ON s.organisation_id = NEW.sponsor_id
            JOIN ledger_transaction t ON t.id = NEW.tx_id
            JOIN ledger_posting p ON p.tx_id = t.id AND p.posted_on = t.posted_on AND p.asset_id = s.points_asset
            WHERE r.id = NEW.redemption_id AND p.account_id = r.account * 16 + 8 AND p.amount = NEW.points) THEN
        RAISE EXCEPTION 'refund % of redemption % was not posted', NEW.id, NEW.redemption_id USING ERRCODE = 'TP002';
    END IF;
    RETURN NULL;
END
$body$;

CREATE TRIGGER points_refunds_what_was_posted AFTER INSERT ON points_refund
    FOR EACH ROW EXECUTE FUNCTION points_refunds_what_was_posted();
