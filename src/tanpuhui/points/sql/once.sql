-- A milligram converts once, and a refund is never more than was captured: for every client, the owner included.

CREATE FUNCTION points_converts_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    certified bigint;
    converted bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tanpuhui.points.convert', NEW.account));
    IF NEW.account <> (SELECT account FROM points_conversion WHERE id = NEW.conversion_id) THEN
        RAISE EXCEPTION 'a line converts what belongs to the account of its conversion' USING ERRCODE = 'TP002';
    END IF;
    -- What came by certification, less what was clawed back. Kind 2 is resident_certified.
    SELECT coalesce(sum(p.amount), 0) INTO certified
    FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id
    WHERE p.account_id = NEW.account * 16 + 2 AND p.asset_id = NEW.asset AND t.reason IN ('certify', 'claw_back');
    SELECT coalesce(sum(amount_mg), 0) INTO converted
    FROM points_conversion_line WHERE account = NEW.account AND asset = NEW.asset;
    IF converted + NEW.amount_mg > certified THEN
        RAISE EXCEPTION 'account % has % mg of asset % certified and % converted: no milligram converts twice',
            NEW.account, certified, NEW.asset, converted USING ERRCODE = 'TP002';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER points_converts_once BEFORE INSERT ON points_conversion_line
    FOR EACH ROW EXECUTE FUNCTION points_converts_once();

CREATE FUNCTION points_refunds_no_more() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    captured bigint;
    refunded bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tanpuhui.points.refund', NEW.redemption_id));
    SELECT points INTO captured FROM points_closing WHERE redemption_id = NEW.redemption_id AND state = 'captured';
    SELECT coalesce(sum(points), 0) INTO refunded FROM points_refund WHERE redemption_id = NEW.redemption_id;
    IF refunded + NEW.points > coalesce(captured, 0) THEN
        RAISE EXCEPTION 'redemption % captured % points and % went back', NEW.redemption_id, captured, refunded
            USING ERRCODE = 'TP002';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER points_refunds_no_more BEFORE INSERT ON points_refund
    FOR EACH ROW EXECUTE FUNCTION points_refunds_no_more();

-- A consent ended under which somebody has, or is about to have, a financial product: the bank must be told,
-- whoever ended it and however.
CREATE FUNCTION points_consent_ended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    INSERT INTO points_outbox (organisation_id, redemption_id, grant_id, state, at)
    SELECT r.organisation_id, r.id, NEW.grant_id, NEW.state, NEW.at
    FROM points_redemption r LEFT JOIN points_closing c ON c.redemption_id = r.id
    WHERE r.grant_id = NEW.grant_id AND r.state = 'held' AND coalesce(c.state, 'captured') = 'captured'
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$body$;

CREATE TRIGGER points_consent_ended AFTER INSERT ON consent_grant_event
    FOR EACH ROW WHEN (NEW.state IN ('Paused', 'Withdrawn', 'Expired', 'Superseded', 'Terminated'))
    EXECUTE FUNCTION points_consent_ended();
