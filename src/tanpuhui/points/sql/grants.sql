-- Nobody calls these functions but the application's role and the owner.

DO $body$
DECLARE
    routine regprocedure;
BEGIN
    FOR routine IN
        SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'public' AND p.proname LIKE 'points\_%'
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tanpuhui_app') THEN
        FOR routine IN
            SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname = 'public' AND p.proname IN (
                'points_hold', 'points_turn_down', 'points_capture', 'points_release', 'points_expire_redemptions',
                'points_most')
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO tanpuhui_app', routine);
        END LOOP;
    END IF;
END
$body$;

ALTER TABLE points_stripe SET (fillfactor = 20);
ALTER TABLE points_use SET (fillfactor = 60);
