-- What must always be true. Each query returns the rows where it is not: (tablename, key, found).
-- Millions of rows are told together and grouped, or joined by what is equal, so that each is read once.

-- invariant: transaction_sums_to_zero
-- The legs of a transaction sum to zero in each asset.
SELECT 'ledger_posting' AS tablename, format('tx_id=%s asset_id=%s', tx_id, asset_id) AS key,
       format('legs sum to %s', sum(amount)) AS found
FROM ledger_posting GROUP BY tx_id, asset_id HAVING sum(amount) <> 0 ORDER BY tx_id, asset_id;

-- invariant: transaction_has_its_legs
-- A posted transaction has exactly the legs that were applied for it, and they are of its day.
SELECT 'ledger_transaction' AS tablename, format('id=%s', id) AS key,
       format('%s legs applied, %s found, from %s to %s', coalesce(sum(applied), 0), count(leg), min(day), max(day)) AS found
FROM (
    SELECT id, state = 'posted' AS posted, NULL::bigint AS applied, NULL::bigint AS leg, posted_on AS day
    FROM ledger_transaction
    UNION ALL SELECT tx_id, NULL, legs, NULL, NULL FROM ledger_applied
    UNION ALL SELECT tx_id, NULL, NULL, leg, posted_on FROM ledger_posting
) told
GROUP BY id
HAVING CASE WHEN count(posted) = 0 THEN count(applied) > 0
            WHEN bool_or(posted) THEN coalesce(sum(applied), 0) <> count(leg) OR min(day) <> max(day) END
ORDER BY id;

-- invariant: posting_has_its_transaction
-- Every posting belongs to a posted transaction and a known asset; a refused transaction has none.
SELECT 'ledger_posting' AS tablename, format('tx_id=%s leg=%s', p.tx_id, p.leg) AS key,
       CASE WHEN t.id IS NULL THEN 'no such transaction' WHEN t.state <> 'posted' THEN 'its transaction is refused'
            ELSE format('no asset %s', p.asset_id) END AS found
FROM ledger_posting p LEFT JOIN ledger_transaction t ON t.id = p.tx_id LEFT JOIN ledger_asset a ON a.id = p.asset_id
WHERE t.id IS NULL OR t.state <> 'posted' OR a.id IS NULL;

-- invariant: balance_is_sum_of_postings
-- What a floored account has available and held is the sum of its postings.
SELECT 'ledger_balance' AS tablename,
       format('account_id=%s asset_id=%s', coalesce(b.account_id, p.account_id), coalesce(b.asset_id, p.asset_id)) AS key,
       format('%s available and %s held, postings sum to %s', coalesce(b.available, 0), coalesce(b.held, 0),
              coalesce(p.amount, 0)) AS found
FROM (SELECT account_id, asset_id, sum(amount) AS amount FROM ledger_posting
      WHERE (account_id & 15) IN (SELECT code FROM ledger_account_kind WHERE floored)
      GROUP BY account_id, asset_id) p
FULL JOIN ledger_balance b ON b.account_id = p.account_id AND b.asset_id = p.asset_id
WHERE coalesce(b.available::numeric, 0) + coalesce(b.held, 0) <> coalesce(p.amount, 0);

-- invariant: floor_holds
-- No floored account is below zero, nor is anything held below zero.
SELECT 'ledger_balance' AS tablename, format('account_id=%s asset_id=%s', account_id, asset_id) AS key,
       format('%s available, %s held', available, held) AS found
FROM ledger_balance WHERE available < 0 OR held < 0;

-- invariant: held_is_sum_of_open_holds
-- What is held on an account is the sum of the lines of its open holds.
SELECT 'ledger_balance' AS tablename,
       format('account_id=%s asset_id=%s', coalesce(b.account_id, h.account_id), coalesce(b.asset_id, h.asset_id)) AS key,
       format('%s held, open holds sum to %s', coalesce(b.held, 0), coalesce(h.amount, 0)) AS found
FROM (SELECT o.account_id, o.asset_id, sum(o.amount) AS amount FROM (
          SELECT l.account_id, l.asset_id, l.amount
          FROM ledger_hold_line l JOIN ledger_hold h ON h.id = l.hold_id WHERE h.state = 'open'
          UNION ALL
          SELECT s.account_id, s.asset_id, s.amount FROM ledger_single_hold s
          WHERE NOT EXISTS (SELECT FROM ledger_single_hold_end e WHERE e.hold_id = s.id)) o
      GROUP BY o.account_id, o.asset_id) h
FULL JOIN (SELECT * FROM ledger_balance WHERE held <> 0) b
    ON b.account_id = h.account_id AND b.asset_id = h.asset_id
WHERE coalesce(b.held, 0) <> coalesce(h.amount, 0);

-- invariant: reversal_inverts
-- A reversal has the opposite of every leg of what it reverses, and is not reversed itself.
SELECT 'ledger_transaction' AS tablename, format('id=%s', q.id) AS key,
       format('differs from the inverse of %s', q.reverses) AS found
FROM (
    SELECT t.id, t.reverses, p.account_id, p.asset_id, sum(p.amount) AS amount
    FROM (SELECT id, reverses, id AS tx_id FROM ledger_transaction WHERE reverses IS NOT NULL
          UNION ALL SELECT id, reverses, reverses FROM ledger_transaction WHERE reverses IS NOT NULL) t
    JOIN ledger_posting p ON p.tx_id = t.tx_id GROUP BY t.id, t.reverses, p.account_id, p.asset_id
    UNION ALL
    SELECT t.id, t.reverses, 0, 0, 1 FROM ledger_transaction t JOIN ledger_transaction r ON r.id = t.reverses
    WHERE r.reverses IS NOT NULL OR r.state <> 'posted'
) q WHERE q.amount <> 0 GROUP BY q.id, q.reverses ORDER BY q.id;

-- invariant: capture_takes_no_more_than_was_held
-- A capture debits each account by no more than its hold set aside.
SELECT 'ledger_hold' AS tablename, format('id=%s', h.id) AS key,
       format('account_id=%s: %s held, %s captured', l.account_id, l.amount, c.amount) AS found
FROM ledger_hold h
JOIN (SELECT hold_id, account_id, asset_id, sum(amount) AS amount FROM ledger_hold_line
      GROUP BY hold_id, account_id, asset_id) l ON l.hold_id = h.id
JOIN (SELECT tx_id, account_id, asset_id, -sum(amount) AS amount FROM ledger_posting WHERE amount < 0
      GROUP BY tx_id, account_id, asset_id) c
    ON c.tx_id = h.capture_tx AND c.account_id = l.account_id AND c.asset_id = l.asset_id
WHERE c.amount > l.amount ORDER BY h.id;

-- invariant: single_hold_ends_in_what_was_taken
-- What ended a hold of one line took no more than it held, and its transaction debits the account by just that, once.
SELECT 'ledger_single_hold_end' AS tablename, format('hold_id=%s', min(hold_id)) AS key,
       format('%s held, %s taken, %s debited', sum(amount), sum(taken), coalesce(sum(debited), 0)) AS found
FROM (
    SELECT e.hold_id, e.tx_id, h.account_id, h.asset_id, h.amount, e.taken, NULL::bigint AS debited
    FROM ledger_single_hold_end e LEFT JOIN ledger_single_hold h ON h.id = e.hold_id
    UNION ALL
    SELECT NULL, tx_id, account_id, asset_id, NULL, NULL, -amount FROM ledger_posting WHERE amount < 0
) told
-- What was let go has no transaction: each is one of its own.
GROUP BY tx_id, account_id, asset_id, CASE WHEN tx_id IS NULL THEN hold_id END
HAVING count(hold_id) > 0 AND (
    count(hold_id) > 1 OR bool_or(account_id IS NULL) OR sum(taken) > sum(amount) OR sum(taken) <> coalesce(sum(debited), 0))
UNION ALL
SELECT 'ledger_single_hold_end', format('hold_id=%s', min(hold_id)), format('%s holds ended in transaction %s', count(*), tx_id)
FROM ledger_single_hold_end WHERE tx_id IS NOT NULL GROUP BY tx_id HAVING count(*) > 1
ORDER BY 2;

-- invariant: batch_has_its_transactions
-- A batch has the transactions it names, and their legs sum to what it says it credited less what it took back.
SELECT 'ledger_batch' AS tablename, format('id=%s', b.id) AS key,
       format('%s transactions and %s legs named, %s and %s found', cardinality(b.transaction_ids), b.legs,
              coalesce(t.transactions, 0), coalesce(t.legs, 0)) AS found
FROM ledger_batch b
LEFT JOIN (SELECT t.batch_id, count(*) AS transactions, sum(a.legs) AS legs
           FROM ledger_transaction t LEFT JOIN ledger_applied a ON a.tx_id = t.id
           WHERE t.batch_id IS NOT NULL GROUP BY t.batch_id) t ON t.batch_id = b.id
WHERE coalesce(t.transactions, 0) <> cardinality(b.transaction_ids)
   OR coalesce(t.legs, 0) NOT BETWEEN b.legs AND b.legs + cardinality(b.transaction_ids) ORDER BY b.id;

-- invariant: counter_totals_are_sums_of_postings
-- What is kept of each transaction's legs on counter accounts is what those legs sum to.
SELECT 'ledger_counter_total' AS tablename,
       format('tx_id=%s asset_id=%s kind=%s', coalesce(c.tx_id, p.tx_id), coalesce(c.asset_id, p.asset_id),
              coalesce(c.kind, p.kind)) AS key,
       format('%s kept, postings sum to %s', coalesce(c.amount, 0), coalesce(p.amount, 0)) AS found
FROM (SELECT q.tx_id, q.asset_id, (q.account_id & 15)::smallint AS kind, sum(q.amount) AS amount FROM ledger_posting q
      WHERE (q.account_id & 15) IN (SELECT code FROM ledger_account_kind WHERE counter)
      GROUP BY q.tx_id, q.asset_id, q.account_id & 15) p
FULL JOIN ledger_counter_total c ON c.tx_id = p.tx_id AND c.asset_id = p.asset_id AND c.kind = p.kind
WHERE coalesce(c.amount, 0) <> coalesce(p.amount, 0);
