-- What a movement says is used up is: its serial numbers are retired or cancelled, in that hand, when the transaction
-- commits. And a number is used up once. For every client: what is surrendered and certified rests on movements.

ALTER TABLE registry_movement ADD CONSTRAINT registry_used_once
    EXCLUDE USING gist (int8range(first, last, '[]') WITH &&) WHERE (to_state IN ('retired', 'cancelled'));

CREATE FUNCTION registry_judge_used() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    there numeric := (
        SELECT coalesce(sum(least(b.last, NEW.last) - greatest(b.first, NEW.first) + 1), 0) FROM registry_block b
        WHERE b.lot_id = NEW.lot_id AND b.closed_at IS NULL AND b.state = NEW.to_state AND b.owner = NEW.to_owner
            AND b.first <= NEW.last AND b.last >= NEW.first);
BEGIN
    IF there <> NEW.last - NEW.first + 1 THEN
        RAISE EXCEPTION 'of numbers % to % of lot % only % are % by %', NEW.first, NEW.last, NEW.lot_id, there,
            NEW.to_state, NEW.to_owner USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER registry_judge_used AFTER INSERT ON registry_movement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.to_state IN ('retired', 'cancelled'))
    EXECUTE FUNCTION registry_judge_used();

REVOKE ALL ON FUNCTION registry_judge_used() FROM PUBLIC;
