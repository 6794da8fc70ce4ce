-- A partition for a month of a stream, made when the first posting of that month comes.

CREATE FUNCTION ledger_partition(into_stream smallint, posted_on date) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    parent constant text := CASE into_stream WHEN 1 THEN 'ledger_posting_batch' ELSE 'ledger_posting_single' END;
    month  constant date := date_trunc('month', posted_on::timestamp)::date;
    name   constant text := parent || to_char(month, '_YYYY_MM');
BEGIN
    IF to_regclass(format('public.%I', name)) IS NOT NULL THEN
        RETURN name;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('tanpuhui.' || name, 0));
    -- A query, not to_regclass(): waiting for an advisory lock does not refresh what a session knows of names.
    IF EXISTS (SELECT FROM pg_class c WHERE c.relname = name AND c.relnamespace = 'public'::regnamespace) THEN
        RETURN name;
    END IF;
    -- Made apart and attached after: that does not stop those who post meanwhile.
    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', name, parent);
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, name, month, month + interval '1 month');
    PERFORM ledger_guard_table(format('public.%I', name)::regclass);
    EXECUTE format('CREATE TRIGGER ledger_apply AFTER INSERT ON public.%I REFERENCING NEW TABLE AS fresh '
                   'FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_apply()', name);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tanpuhui_app') THEN
        EXECUTE format('GRANT SELECT, INSERT ON public.%I TO tanpuhui_app', name);
    END IF;
    RETURN name;
END
$body$;
