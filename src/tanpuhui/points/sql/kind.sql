-- A kind of account of its own for points that were taken and are not settled yet: not floored, so that a merchant
-- whom everybody pays is no row that everybody waits for.

INSERT INTO ledger_account_kind (code, name, floored) VALUES (14, 'points_taken', false);

ALTER TABLE ledger_posting DROP CONSTRAINT ledger_posting_account_id_check;
ALTER TABLE ledger_posting ADD CONSTRAINT ledger_posting_account_id_check CHECK ((account_id & 15) BETWEEN 1 AND 14);
