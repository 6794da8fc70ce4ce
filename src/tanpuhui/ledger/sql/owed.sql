-- What is taken back after it was certified: its owner owes it, and later reductions of the same kind make it good.
-- A debt is counted up in an asset of its own (owed:...), so that it has a balance and a floor like anything else;
-- in the pending asset itself the claw-back account stands for all debts together.

INSERT INTO ledger_account_kind (code, name, floored) VALUES
    (12, 'resident_owed', true),
    (13, 'clawback', false);

ALTER TABLE ledger_posting DROP CONSTRAINT ledger_posting_account_id_check;
ALTER TABLE ledger_posting ADD CONSTRAINT ledger_posting_account_id_check CHECK ((account_id & 15) BETWEEN 1 AND 13);

-- Debts are few and are looked for at every close. The predicate names the key alone, so that balances stay
-- updated in place.
CREATE INDEX ledger_balance_owed ON ledger_balance (asset_id, account_id) WHERE (account_id & 15) = 12;
