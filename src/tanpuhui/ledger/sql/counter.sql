-- Counter accounts: nobody holds what is on them. What is issued comes from them, and what crosses to a lot ends there,
-- so that whoever would mint has to touch one. What each transaction put on them is kept apart, a few rows for a batch of
-- a million legs: other stages hang their rules on these rows and have them judged when a transaction commits.
ALTER TABLE ledger_account_kind ADD COLUMN counter boolean GENERATED ALWAYS AS (NOT floored AND name <> 'points_taken' OR name = 'certifying') STORED;

CREATE TABLE ledger_counter_total (
    tx_id    bigint   NOT NULL REFERENCES ledger_transaction,
    asset_id integer  NOT NULL REFERENCES ledger_asset,
    kind     smallint NOT NULL REFERENCES ledger_account_kind,
    amount   bigint   NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (tx_id, asset_id, kind)
);

CREATE INDEX ledger_counter_total_asset ON ledger_counter_total (asset_id, kind);

INSERT INTO ledger_counter_total (tx_id, asset_id, kind, amount)
SELECT p.tx_id, p.asset_id, k.code, sum(p.amount) FROM ledger_posting p
JOIN ledger_account_kind k ON k.code = (p.account_id & 15) AND k.counter
GROUP BY p.tx_id, p.asset_id, k.code HAVING sum(p.amount) <> 0;

SELECT ledger_guard_table('ledger_counter_total');

REVOKE ALL ON FUNCTION ledger_apply() FROM PUBLIC;
