-- A resident's money: what a pool paid out, until the bank has paid it on.

INSERT INTO ledger_account_kind (code, name, floored) VALUES (15, 'resident_money', true);

ALTER TABLE ledger_posting DROP CONSTRAINT ledger_posting_account_id_check;
ALTER TABLE ledger_posting ADD CONSTRAINT ledger_posting_account_id_check CHECK ((account_id & 15) BETWEEN 1 AND 15);
