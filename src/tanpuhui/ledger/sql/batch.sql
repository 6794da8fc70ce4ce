-- Batches: the transactions of a batch are opened under its key; their legs follow by COPY and meet ledger_apply().

CREATE FUNCTION ledger_open_batch(
    batch_key text, digest text, batch_manifest text, batch_reason text, effective date, at timestamptz,
    leg_count bigint, credited_total numeric, debited_total numeric, assets integer[], codes smallint[]
) RETURNS TABLE (batch ledger_batch, repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    opened   ledger_batch;
    sequence constant regclass := pg_get_serial_sequence('ledger_transaction', 'id')::regclass;
BEGIN
    INSERT INTO ledger_batch (key, content_digest, manifest, reason, effective_on, posted_at, transaction_ids, legs,
                              credited, debited)
    VALUES (batch_key, digest, batch_manifest, batch_reason, effective, at,
            ARRAY(SELECT nextval(sequence) FROM unnest(assets)), leg_count, credited_total, debited_total)
    ON CONFLICT (key) DO NOTHING RETURNING * INTO opened;
    IF opened.id IS NULL THEN
        RETURN QUERY SELECT b, true FROM ledger_batch b WHERE b.key = batch_key;
        RETURN;
    END IF;
    INSERT INTO ledger_transaction
        (id, key, content_digest, reason, state, effective_on, posted_at, posted_on, batch_id, manifest)
    OVERRIDING SYSTEM VALUE
    SELECT id, format('%s#%s.%s', batch_key, asset, code), digest, batch_reason, 'posted', effective, at,
           (at AT TIME ZONE 'UTC')::date, opened.id, batch_manifest
    FROM unnest(opened.transaction_ids, assets, codes) AS part (id, asset, code);
    RETURN QUERY SELECT opened, false;
END
$body$;

-- Let BRIN know what a batch has just put into a partition; without it a statement reads the new pages whole.
CREATE FUNCTION ledger_summarize(partition text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    PERFORM brin_summarize_new_values(i.indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
    JOIN pg_inherits h ON h.inhrelid = i.indrelid AND h.inhparent = 'ledger_posting_batch'::regclass
    WHERE i.indrelid = format('public.%I', partition)::regclass AND m.amname = 'brin';
END
$body$;
