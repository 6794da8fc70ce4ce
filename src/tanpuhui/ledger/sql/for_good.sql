-- What was retired or cancelled is so for good: nothing leaves these accounts, not by reversing the transaction that
-- brought it either. Kinds 5 and 7 are retired and cancelled.
ALTER TABLE ledger_posting ADD CONSTRAINT ledger_posting_for_good CHECK ((account_id & 15) NOT IN (5, 7) OR amount > 0);
