-- The short way: a hold of one line, and its capture (capture_one.sql) to an account without a floor, for redemptions by
-- the thousand a second. A hold is a row that is only added, and so is its end: no row of it is written twice, and none
-- has an index but its number, which is drawn with those of ledger_hold. The functions are called by functions of the
-- stage above, which keep the keys, the digests and the time limits; nobody else may call them.

CREATE TABLE ledger_single_hold (
    id         bigint  PRIMARY KEY,
    account_id bigint  NOT NULL,
    amount     bigint  NOT NULL CHECK (amount > 0),
    asset_id   integer NOT NULL
);

-- How it ended: what a transaction took from it, or nothing where it was released. One row a hold.
CREATE TABLE ledger_single_hold_end (
    hold_id bigint      PRIMARY KEY,
    tx_id   bigint,
    taken   bigint      NOT NULL,
    at      timestamptz NOT NULL,
    CHECK (CASE WHEN tx_id IS NULL THEN taken = 0 ELSE taken > 0 END)
);

-- Who may write it at all is the trigger of postings, which has just read the transaction.
ALTER TABLE ledger_applied DROP CONSTRAINT ledger_applied_tx_id_fkey;

SELECT ledger_guard_table(name::regclass) FROM unnest(ARRAY['ledger_single_hold', 'ledger_single_hold_end']) AS name;

-- Few transactions reverse and few holds are refused: an index of those that do is enough.
ALTER TABLE ledger_transaction DROP CONSTRAINT ledger_transaction_reverses_key;
CREATE UNIQUE INDEX ledger_transaction_reverses ON ledger_transaction (reverses) WHERE reverses IS NOT NULL;

DROP FUNCTION IF EXISTS ledger_hold_one(text, text, text, timestamptz, timestamptz, bigint, integer, bigint);
DROP FUNCTION IF EXISTS ledger_capture_one(text, text, text, date, timestamptz, bigint, bigint, bigint, bigint);

-- The new hold's number, or nothing where too little is available.
CREATE FUNCTION ledger_hold_one(account bigint, asset integer, wanted bigint) RETURNS bigint LANGUAGE plpgsql AS
$body$
DECLARE
    opened bigint;
BEGIN
    UPDATE ledger_balance SET available = available - wanted, held = held + wanted
    WHERE account_id = account AND asset_id = asset AND available >= wanted;
    IF NOT FOUND THEN RETURN NULL; END IF;
    INSERT INTO ledger_single_hold (id, account_id, amount, asset_id)
    VALUES (nextval('ledger_hold_id_seq'), account, wanted, asset) RETURNING id INTO opened;
    RETURN opened;
END
$body$;

-- Give back what is held. A hold that has ended is a unique_violation.
CREATE FUNCTION ledger_release_one(wanted bigint, at timestamptz) RETURNS void LANGUAGE plpgsql AS
$body$
DECLARE
    line ledger_single_hold;
BEGIN
    SELECT * INTO STRICT line FROM ledger_single_hold WHERE id = wanted;
    INSERT INTO ledger_single_hold_end (hold_id, taken, at) VALUES (wanted, 0, at);
    UPDATE ledger_balance SET available = available + line.amount, held = held - line.amount
    WHERE account_id = line.account_id AND asset_id = line.asset_id;
END
$body$;

REVOKE ALL ON FUNCTION ledger_hold_one, ledger_release_one FROM PUBLIC;
