-- What is filed is under the cap and the pool as they are, of units that are set aside; what is surrendered, retired or
-- replaced was retired in the registry. For every client.

-- The lock is that of filings (offsetting/year.py): filings of one place and year wait for each other here too.
CREATE FUNCTION offsetting_judge_reservation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    rules    offsetting_year_rules;
    declared offsetting_obligation;
    cap      numeric;
    pool     numeric;
    mine     numeric;
    everyone numeric;
    held     numeric;
BEGIN
    PERFORM pg_advisory_xact_lock(7300710, hashtext(NEW.jurisdiction || ':' || NEW.year));
    SELECT * INTO rules FROM offsetting_year_rules y WHERE y.jurisdiction = NEW.jurisdiction AND y.year = NEW.year;
    SELECT * INTO declared FROM offsetting_obligation o
    WHERE o.company = NEW.company AND o.jurisdiction = NEW.jurisdiction AND o.year = NEW.year ORDER BY o.sequence DESC LIMIT 1;
    cap := div((rules.cap ->> 'share_percent')::numeric * CASE WHEN rules.cap ->> 'denominator' = 'allowances'
        THEN declared.allowances_mg ELSE declared.verified_emissions_mg END, 100);
    pool := (rules.pool ->> 'pool_t')::numeric * 1000000000;
    SELECT coalesce(sum(r.amount_mg) FILTER (WHERE r.company = NEW.company), 0), coalesce(sum(r.amount_mg), 0)
    INTO mine, everyone
    FROM offsetting_reservation r LEFT JOIN offsetting_ending e ON e.reservation_id = r.id
    WHERE r.jurisdiction = NEW.jurisdiction AND r.year = NEW.year AND e.outcome IS DISTINCT FROM 'released';
    SELECT sum(l.amount) INTO held FROM ledger_hold h JOIN ledger_hold_line l ON l.hold_id = h.id
    WHERE h.id = NEW.hold AND h.state = 'open' AND l.account_id = NEW.company * 16 + 4;
    IF NEW.cap_mg IS DISTINCT FROM cap OR NEW.pool_mg IS DISTINCT FROM pool OR NEW.used_before_mg <> mine
        OR NEW.pool_used_before_mg IS DISTINCT FROM (CASE WHEN pool IS NOT NULL THEN everyone END)
        OR NEW.amount_mg IS DISTINCT FROM held THEN
        RAISE EXCEPTION '% of % in %, %: % mg are set aside, % mg of a cap of % mg are used, and % mg of a pool of % mg',
            NEW.amount_mg, NEW.company, NEW.jurisdiction, NEW.year, held, mine, cap, everyone, pool
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER offsetting_judge_reservation BEFORE INSERT ON offsetting_reservation
    FOR EACH ROW EXECUTE FUNCTION offsetting_judge_reservation();

-- What the registry retired under a verb and a key, in mg.
CREATE FUNCTION offsetting_retired_mg(of_verb text, of_key text) RETURNS numeric LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS
$body$
    SELECT coalesce(sum(m.last - m.first + 1), 0) * 1000000000 FROM registry_movement m
    WHERE m.verb = of_verb AND m.key = of_key AND m.to_state = 'retired'
$body$;

-- A surrendered reservation was retired, and the hold of a released one was let go. Judged when a transaction commits.
CREATE FUNCTION offsetting_judge_ending() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    reservation offsetting_reservation;
    retired_mg  numeric := offsetting_retired_mg('retire_locked', 'surrender:' || NEW.reservation_id);
BEGIN
    SELECT * INTO reservation FROM offsetting_reservation r WHERE r.id = NEW.reservation_id;
    IF retired_mg <> (CASE NEW.outcome WHEN 'surrendered' THEN reservation.amount_mg ELSE 0 END)
        OR EXISTS (SELECT FROM ledger_hold h WHERE h.id = reservation.hold AND h.state = 'open') THEN
        RAISE EXCEPTION 'reservation % of % mg is %, and % mg were retired for it', NEW.reservation_id,
            reservation.amount_mg, NEW.outcome, retired_mg USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER offsetting_judge_ending AFTER INSERT ON offsetting_ending
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION offsetting_judge_ending();

-- What stands in for others was retired for it, and stands in for tonnes of an annulled lot that were surrendered.
CREATE FUNCTION offsetting_judge_replacement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    retired_mg numeric := offsetting_retired_mg('retire', 'offset:replace:' || NEW.key);
BEGIN
    IF retired_mg <> NEW.amount_mg
        OR NOT EXISTS (SELECT FROM registry_annulment a WHERE a.lot_id = NEW.lot)
        OR NOT EXISTS (SELECT FROM offsetting_ending e WHERE e.reservation_id = NEW.reservation_id
                       AND e.outcome = 'surrendered') THEN
        RAISE EXCEPTION '% mg in the place of lot % of reservation %, and % mg were retired for it', NEW.amount_mg, NEW.lot,
            NEW.reservation_id, retired_mg USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER offsetting_judge_replacement AFTER INSERT ON offsetting_replacement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION offsetting_judge_replacement();

CREATE FUNCTION offsetting_judge_voluntary() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    retired_mg numeric := offsetting_retired_mg('retire', 'offset:voluntary:' || NEW.key);
BEGIN
    IF retired_mg <> NEW.amount_mg THEN
        RAISE EXCEPTION '% mg for %, and % mg were retired for it', NEW.amount_mg, NEW.beneficiary, retired_mg
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER offsetting_judge_voluntary AFTER INSERT ON offsetting_voluntary_retirement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION offsetting_judge_voluntary();

REVOKE ALL ON FUNCTION offsetting_judge_reservation(), offsetting_retired_mg(text, text), offsetting_judge_ending(),
    offsetting_judge_replacement(), offsetting_judge_voluntary() FROM PUBLIC;
