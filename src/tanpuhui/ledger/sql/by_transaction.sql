-- Legs of a batch lie in the order of their transactions: a range index of a few bytes finds those of one in its month,
-- where the whole month had been read for them each time the log took new rows in.
CREATE INDEX ledger_posting_batch_tx ON ledger_posting_batch USING brin (tx_id) WITH (pages_per_range = 16);
