-- Give back what many open holds set aside, in one statement. Returns how many of them were open.

CREATE FUNCTION ledger_release_all(wanted bigint[], at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    found bigint[];
BEGIN
    found := ARRAY(SELECT id FROM ledger_hold WHERE id = ANY (wanted) AND state = 'open' ORDER BY id FOR UPDATE);
    PERFORM ledger_unhold(found, 1);
    UPDATE ledger_hold SET state = 'released', closed_at = at WHERE id = ANY (found);
    RETURN cardinality(found);
END
$body$;

REVOKE ALL ON FUNCTION ledger_release_all(bigint[], timestamptz) FROM PUBLIC;

DO $body$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tanpuhui_app') THEN
        GRANT EXECUTE ON FUNCTION ledger_release_all(bigint[], timestamptz) TO tanpuhui_app;
    END IF;
END
$body$;
