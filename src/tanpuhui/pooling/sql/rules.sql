-- What was lent, sold, paid and given back adds up, for every client. Rows that come in pieces are judged piece by piece
-- (never too much), and as a whole when the transaction commits (never too little).

CREATE FUNCTION pooling_refuse(what text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    RAISE EXCEPTION '%', what USING ERRCODE = 'integrity_constraint_violation';
END
$body$;

-- Shares of a round are its tonnes.
CREATE FUNCTION pooling_judge_round() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    lent     numeric;
    accounts bigint;
BEGIN
    SELECT coalesce(sum(amount_mg), 0), count(*) INTO lent, accounts FROM pooling_share WHERE round_id = NEW.id;
    IF lent <> NEW.tonnes * 1000000000::numeric OR accounts <> NEW.residents THEN
        PERFORM pooling_refuse(format('round %s has %s t, and %s residents lent %s mg', NEW.id, NEW.tonnes, accounts, lent));
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER pooling_judge_round AFTER INSERT ON pooling_round
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pooling_judge_round();

CREATE FUNCTION pooling_no_share_too_much() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    over record;
BEGIN
    SELECT r.id, sum(s.amount_mg) AS lent INTO over FROM pooling_round r JOIN pooling_share s ON s.round_id = r.id
    WHERE r.id IN (SELECT round_id FROM fresh) GROUP BY r.id, r.tonnes
    HAVING sum(s.amount_mg) > r.tonnes * 1000000000::numeric LIMIT 1;
    IF over.id IS NOT NULL THEN
        PERFORM pooling_refuse(format('shares of round %s sum to %s mg', over.id, over.lent));
    END IF;
    RETURN NULL;
END
$body$;

CREATE TRIGGER pooling_no_share_too_much AFTER INSERT ON pooling_share
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION pooling_no_share_too_much();

-- A round sells what it has and no more, while it is open, in the currency of its pool and at its price.
CREATE FUNCTION pooling_sells_what_there_is() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    of_round pooling_round;
    sold     numeric;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tanpuhui.pooling.round', NEW.round_id));
    SELECT * INTO of_round FROM pooling_round WHERE id = NEW.round_id;
    SELECT coalesce(sum(tonnes), 0) INTO sold FROM pooling_sale WHERE round_id = NEW.round_id;
    IF sold + NEW.tonnes > of_round.tonnes OR NEW.price_minor <> of_round.price_minor
        OR EXISTS (SELECT FROM pooling_closing WHERE round_id = NEW.round_id)
        OR NEW.currency <> (SELECT currency FROM pooling_pool WHERE organisation_id = of_round.pool_id)
    THEN
        PERFORM pooling_refuse(format('round %s of %s t has sold %s t, and %s t are not to be had', NEW.round_id,
            of_round.tonnes, sold, NEW.tonnes));
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER pooling_sells_what_there_is BEFORE INSERT ON pooling_sale
    FOR EACH ROW EXECUTE FUNCTION pooling_sells_what_there_is();

-- A sale takes its tonnes from residents and owes them its amount.
CREATE FUNCTION pooling_judge_sale() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    taken numeric;
    owed  numeric;
BEGIN
    SELECT coalesce(sum(amount_mg), 0), coalesce(sum(amount_minor), 0) INTO taken, owed
    FROM pooling_sale_share WHERE sale_id = NEW.id;
    IF taken <> NEW.tonnes * 1000000000::numeric OR owed <> NEW.amount_minor THEN
        PERFORM pooling_refuse(format('sale %s of %s t for %s takes %s mg and owes %s', NEW.id, NEW.tonnes,
            NEW.amount_minor, taken, owed));
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER pooling_judge_sale AFTER INSERT ON pooling_sale
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pooling_judge_sale();

-- Of nobody is more sold and given back than they lent.
CREATE FUNCTION pooling_no_more_than_lent(rounds bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    over record;
BEGIN
    SELECT s.round_id, s.account INTO over
    FROM pooling_share s
    LEFT JOIN (SELECT a.round_id, h.account, sum(h.amount_mg) AS amount_mg FROM pooling_sale_share h
               JOIN pooling_sale a ON a.id = h.sale_id WHERE a.round_id = ANY(rounds) GROUP BY 1, 2) sold
        ON sold.round_id = s.round_id AND sold.account = s.account
    LEFT JOIN pooling_returned b ON b.closing_id = s.round_id AND b.account = s.account
    WHERE s.round_id = ANY(rounds)
        AND s.amount_mg < coalesce(sold.amount_mg, 0) + coalesce(b.amount_mg, 0) LIMIT 1;
    IF over.account IS NOT NULL THEN
        PERFORM pooling_refuse(format('account %s lent less to round %s', over.account, over.round_id));
    END IF;
END
$body$;

CREATE FUNCTION pooling_no_sale_too_much() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    over record;
BEGIN
    SELECT a.id INTO over FROM pooling_sale a JOIN pooling_sale_share h ON h.sale_id = a.id
    WHERE a.id IN (SELECT sale_id FROM fresh) GROUP BY a.id, a.tonnes, a.amount_minor
    HAVING sum(h.amount_mg) > a.tonnes * 1000000000::numeric OR sum(h.amount_minor) > a.amount_minor LIMIT 1;
    IF over.id IS NOT NULL THEN
        PERFORM pooling_refuse(format('sale %s takes or owes too much', over.id));
    END IF;
    IF EXISTS (SELECT FROM fresh f JOIN pooling_sale a ON a.id = f.sale_id
               WHERE NOT EXISTS (SELECT FROM pooling_share s WHERE s.round_id = a.round_id AND s.account = f.account)) THEN
        PERFORM pooling_refuse('somebody lent nothing to this round');
    END IF;
    PERFORM pooling_no_more_than_lent(ARRAY(
        SELECT DISTINCT a.round_id FROM fresh f JOIN pooling_sale a ON a.id = f.sale_id));
    RETURN NULL;
END
$body$;

CREATE TRIGGER pooling_no_sale_too_much AFTER INSERT ON pooling_sale_share
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION pooling_no_sale_too_much();

-- What was not sold goes back when a round closes, to those who lent it.
CREATE FUNCTION pooling_judge_closing() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    of_round pooling_round;
    sold     numeric;
    back_mg  numeric;
BEGIN
    SELECT * INTO of_round FROM pooling_round WHERE id = NEW.round_id;
    SELECT coalesce(sum(tonnes), 0) INTO sold FROM pooling_sale WHERE round_id = NEW.round_id;
    SELECT coalesce(sum(amount_mg), 0) INTO back_mg FROM pooling_returned WHERE closing_id = NEW.round_id;
    IF back_mg <> NEW.tonnes_back * 1000000000::numeric OR NOT NEW.annulled AND sold + NEW.tonnes_back <> of_round.tonnes
        OR NEW.annulled AND NOT EXISTS (SELECT FROM registry_annulment WHERE lot_id = of_round.lot)
    THEN
        PERFORM pooling_refuse(format('round %s of %s t sold %s t and gave %s mg back', NEW.round_id, of_round.tonnes, sold,
            back_mg));
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER pooling_judge_closing AFTER INSERT ON pooling_closing
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pooling_judge_closing();

CREATE FUNCTION pooling_no_return_too_much() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    IF EXISTS (SELECT FROM fresh f WHERE NOT EXISTS (
            SELECT FROM pooling_share s WHERE s.round_id = f.closing_id AND s.account = f.account))
        OR EXISTS (SELECT FROM pooling_closing c JOIN pooling_returned b ON b.closing_id = c.round_id
                   WHERE c.round_id IN (SELECT closing_id FROM fresh) GROUP BY c.round_id, c.tonnes_back
                   HAVING sum(b.amount_mg) > c.tonnes_back * 1000000000::numeric) THEN
        PERFORM pooling_refuse('more would go back than was not sold, or to somebody who lent nothing');
    END IF;
    PERFORM pooling_no_more_than_lent(ARRAY(SELECT DISTINCT closing_id FROM fresh));
    RETURN NULL;
END
$body$;

CREATE TRIGGER pooling_no_return_too_much AFTER INSERT ON pooling_returned
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION pooling_no_return_too_much();

-- A pay-out pays what its sale owes.
CREATE FUNCTION pooling_pays_what_is_owed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    owed record;
BEGIN
    SELECT coalesce(sum(money_minor), 0) AS money, coalesce(sum(points), 0) AS points,
        coalesce(sum(points * point_value_minor), 0) AS points_minor
    INTO owed FROM pooling_sale_share WHERE sale_id = NEW.sale_id;
    IF (NEW.money_minor, NEW.points, NEW.points_minor) IS DISTINCT FROM (owed.money, owed.points, owed.points_minor) THEN
        PERFORM pooling_refuse(format('sale %s owes %s in money and %s points', NEW.sale_id, owed.money, owed.points));
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER pooling_pays_what_is_owed BEFORE INSERT ON pooling_pay_out
    FOR EACH ROW EXECUTE FUNCTION pooling_pays_what_is_owed();

DO $body$
DECLARE
    routine regprocedure;
BEGIN
    FOR routine IN
        SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'public' AND p.proname LIKE 'pooling\_%'
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine);
    END LOOP;
END
$body$;
