-- What may never happen to a row of the ledger, for the owner of the database as well as for the application.

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS
$body$
BEGIN
    RAISE EXCEPTION '% on % is refused: the ledger only grows', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'TL003', HINT = 'Answer a mistake with a new transaction, or reverse the old one.';
END
$body$;

CREATE FUNCTION ledger_guard_table(guarded regclass) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    EXECUTE format('CREATE TRIGGER ledger_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()', guarded);
END
$body$;

SELECT ledger_guard_table(name::regclass) FROM unnest(ARRAY[
    'ledger_account_kind', 'ledger_asset', 'ledger_batch', 'ledger_transaction', 'ledger_applied',
    'ledger_posting', 'ledger_posting_batch', 'ledger_posting_single', 'ledger_hold_line'
]) AS name;

CREATE TRIGGER ledger_never_forgotten BEFORE DELETE OR TRUNCATE ON ledger_balance
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_never_forgotten BEFORE DELETE OR TRUNCATE ON ledger_hold
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- A hold closes once; nothing else of it changes.
CREATE FUNCTION ledger_hold_closes_once() RETURNS trigger LANGUAGE plpgsql AS
$body$
BEGIN
    IF OLD.state <> 'open' OR NEW.state NOT IN ('captured', 'released', 'expired')
        OR (NEW.id, NEW.key, NEW.content_digest, NEW.reason, NEW.opened_at)
            IS DISTINCT FROM (OLD.id, OLD.key, OLD.content_digest, OLD.reason, OLD.opened_at)
        OR NEW.expires_at IS DISTINCT FROM OLD.expires_at THEN
        RAISE EXCEPTION 'hold % is %: it closes once, and nothing else of it changes', OLD.id, OLD.state
            USING ERRCODE = 'TL003';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER ledger_hold_closes_once BEFORE UPDATE ON ledger_hold
    FOR EACH ROW EXECUTE FUNCTION ledger_hold_closes_once();

-- Parents carry the rules for who inserts through them; ledger_partition() gives them to each partition.
CREATE TRIGGER ledger_apply AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_apply();
CREATE TRIGGER ledger_apply AFTER INSERT ON ledger_posting_batch REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_apply();
CREATE TRIGGER ledger_apply AFTER INSERT ON ledger_posting_single REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_apply();
