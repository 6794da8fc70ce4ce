"""Blocks that are not closed tile their lot, for every client: no overlap, no gap, and a lot begins with one."""

from django.db import migrations

FORWARDS = """
ALTER TABLE registry_block ADD CONSTRAINT registry_blocks_never_overlap
    EXCLUDE USING gist (int8range(first, last, '[]') WITH &&) WHERE (closed_at IS NULL);

CREATE FUNCTION registry_lot_begins_open() RETURNS trigger LANGUAGE plpgsql AS
$body$
BEGIN
    INSERT INTO registry_block (lot_id, first, last, state, owner, opened_at)
    VALUES (NEW.code, NEW.serial_first, NEW.serial_last, 'open', 0, NEW.certified_at);
    RETURN NULL;
END
$body$;

CREATE TRIGGER registry_lot_begins_open AFTER INSERT ON registry_lot
    FOR EACH ROW EXECUTE FUNCTION registry_lot_begins_open();

-- Without overlap, within the lot and as many as it has: so there is no gap. Looked at when the database commits.
CREATE FUNCTION registry_blocks_tile() RETURNS trigger LANGUAGE plpgsql AS
$body$
BEGIN
    IF NOT EXISTS (
        SELECT FROM registry_lot t JOIN registry_block b ON b.lot_id = t.code AND b.closed_at IS NULL
        WHERE t.code = NEW.lot_id GROUP BY t.code
        HAVING sum(b.last - b.first + 1) = t.tonnes AND min(b.first) = t.serial_first AND max(b.last) = t.serial_last
    ) THEN
        RAISE EXCEPTION 'the blocks of lot % have a gap', NEW.lot_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER registry_blocks_tile AFTER INSERT OR UPDATE ON registry_block
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_blocks_tile();

-- Last, since a table with checks that wait for the commit is not altered any more.
INSERT INTO registry_block (lot_id, first, last, state, owner, opened_at)
SELECT code, serial_first, serial_last, 'open', 0, certified_at FROM registry_lot;
"""
BACKWARDS = """
DROP TRIGGER registry_blocks_tile ON registry_block;
DROP FUNCTION registry_blocks_tile();
DROP TRIGGER registry_lot_begins_open ON registry_lot;
DROP FUNCTION registry_lot_begins_open();
ALTER TABLE registry_block DROP CONSTRAINT registry_blocks_never_overlap;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_units")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
