-- A filing is judged by what is committed: a transaction with a snapshot of its own sees nothing of what others filed
-- since, and could overrun the cap with them. And what stands in for annulled tonnes is as many of them, all of them
-- retired for it. For every client.

CREATE FUNCTION offsetting_refuse_snapshot() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a filing is judged by what is committed, and this transaction is %',
            current_setting('transaction_isolation')
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'File in a transaction that is READ COMMITTED.';
    END IF;
    RETURN NULL;
END
$body$;

CREATE TRIGGER offsetting_refuse_snapshot BEFORE INSERT ON offsetting_reservation
    FOR EACH STATEMENT EXECUTE FUNCTION offsetting_refuse_snapshot();

-- Milligrams of a lot that a reservation, or what replaced a part of it, has among its ranges.
CREATE FUNCTION offsetting_used_of_lot(of_reservation bigint, of_lot text) RETURNS numeric LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS
$body$
    SELECT coalesce(sum((one ->> 'tonnes')::numeric), 0) * 1000000000 FROM (
        SELECT jsonb_array_elements(r.ranges) AS one FROM offsetting_reservation r WHERE r.id = of_reservation
        UNION ALL
        SELECT jsonb_array_elements(p.ranges) FROM offsetting_replacement p WHERE p.reservation_id = of_reservation) ranges
    WHERE one ->> 'lot' = of_lot
$body$;

CREATE OR REPLACE FUNCTION offsetting_judge_replacement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    retired_mg numeric := offsetting_retired_mg('retire', 'offset:replace:' || NEW.key);
    due_mg     numeric := offsetting_used_of_lot(NEW.reservation_id, NEW.lot);
BEGIN
    IF retired_mg <> NEW.amount_mg OR due_mg <> NEW.amount_mg
        OR NOT EXISTS (SELECT FROM registry_annulment a WHERE a.lot_id = NEW.lot)
        OR NOT EXISTS (SELECT FROM offsetting_ending e WHERE e.reservation_id = NEW.reservation_id
                       AND e.outcome = 'surrendered') THEN
        RAISE EXCEPTION '% mg in the place of lot % of reservation %, % mg were retired for it, and % mg are due',
            NEW.amount_mg, NEW.lot, NEW.reservation_id, retired_mg, due_mg USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION offsetting_refuse_snapshot() FROM PUBLIC;
