-- Nobody calls the ledger's functions but the application's role and the owner.

DO $body$
DECLARE
    routine regprocedure;
BEGIN
    FOR routine IN
        SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'public' AND p.proname LIKE 'ledger\_%'
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tanpuhui_app') THEN
        FOR routine IN
            SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname = 'public' AND p.proname IN (
                'ledger_asset_id', 'ledger_transfer', 'ledger_reverse', 'ledger_hold', 'ledger_capture',
                'ledger_release', 'ledger_expire_holds', 'ledger_partition', 'ledger_open_batch', 'ledger_summarize',
                'ledger_lines', 'ledger_lines_with', 'ledger_newest_lines', 'ledger_balance_at', 'ledger_balance_seen',
                'ledger_transfer_many')
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO tanpuhui_app', routine);
        END LOOP;
    END IF;
END
$body$;
