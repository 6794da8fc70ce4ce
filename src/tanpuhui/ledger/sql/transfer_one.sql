-- One transaction under its key. A repeat gives the first answer: the unique key finds it when the row is written, so that
-- nobody who comes with a new key pays for a look. Two legs of one asset between two accounts, as nearly
-- every transaction has them, take a short way: the same rules with a few small statements instead of plans for many legs.

CREATE OR REPLACE FUNCTION ledger_transfer(
    tx_key text, digest text, tx_reason text, effective date, at timestamptz, tx_manifest text,
    accounts bigint[], assets integer[], amounts bigint[], refs bigint[], codes smallint[]
) RETURNS ledger_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    answer ledger_answer;
    today  constant date := (at AT TIME ZONE 'UTC')::date;
    source constant integer := CASE WHEN amounts[1] < 0 THEN 1 ELSE 2 END;
    target constant integer := 3 - source;
    has    bigint;
    enough boolean;
    short  jsonb;
BEGIN
    IF cardinality(accounts) = 2 AND assets[1] = assets[2] AND amounts[1] = -amounts[2] AND accounts[1] <> accounts[2] THEN
        -- Balances are locked in the order of their accounts; the one that comes second is locked when it is written.
        IF accounts[target] < accounts[source] THEN
            PERFORM FROM ledger_balance b WHERE b.account_id = accounts[target] AND b.asset_id = assets[1] FOR UPDATE;
        END IF;
        SELECT b.available INTO has FROM ledger_balance b
        WHERE b.account_id = accounts[source] AND b.asset_id = assets[1] FOR UPDATE;
        enough := has >= amounts[target];
        IF enough IS NULL THEN
            enough := NOT (SELECT k.floored FROM ledger_account_kind k WHERE k.code = (accounts[source] & 15));
        END IF;
        IF enough THEN
            INSERT INTO ledger_transaction AS t
                (key, content_digest, reason, state, effective_on, posted_at, posted_on, manifest)
            VALUES (tx_key, digest, tx_reason, 'posted', effective, at, today, tx_manifest)
            ON CONFLICT (key) DO NOTHING
            RETURNING t.id, t.state, t.refusal, t.content_digest, false INTO answer;
            IF NOT FOUND THEN RETURN ledger_answer_of(tx_key); END IF;
            IF to_regclass('public.ledger_posting_single' || to_char(today, '_YYYY_MM')) IS NULL THEN
                PERFORM ledger_partition(2::smallint, today);
            END IF;
            INSERT INTO ledger_posting_single (tx_id, account_id, amount, ref, asset_id, posted_on, leg, code, stream)
            VALUES (answer.id, accounts[1], amounts[1], refs[1], assets[1], today, 1, codes[1], 2),
                   (answer.id, accounts[2], amounts[2], refs[2], assets[2], today, 2, codes[2], 2);
            RETURN answer;
        END IF;
    END IF;
    short := ledger_first_short(accounts, assets, amounts);
    answer := ledger_write(tx_key, digest, tx_reason, effective, at, short, NULL, tx_manifest,
                           accounts, assets, amounts, refs, codes);
    IF answer.id IS NULL THEN answer := ledger_answer_of(tx_key); END IF;
    RETURN answer;
END
$body$;
