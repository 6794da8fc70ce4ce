-- Redemptions by the thousand a second: what is held for one is a hold of one line, and nobody looks for keys by their
-- beginning. Holds of redemptions from before are carried over, under their numbers.

DROP INDEX IF EXISTS points_redemption_key_b6bd3f9f_like;

INSERT INTO ledger_single_hold (id, account_id, amount, asset_id)
SELECT l.hold_id, l.account_id, l.amount, l.asset_id
FROM points_redemption r JOIN ledger_hold_line l ON l.hold_id = r.hold_id;

INSERT INTO ledger_single_hold_end (hold_id, tx_id, taken, at)
SELECT h.id, c.tx_id, CASE WHEN c.tx_id IS NULL THEN 0 ELSE c.points END, h.closed_at
FROM points_redemption r JOIN ledger_hold h ON h.id = r.hold_id LEFT JOIN points_closing c ON c.redemption_id = r.id
WHERE h.state <> 'open';

UPDATE ledger_hold h SET state = 'released', closed_at = h.opened_at
FROM points_redemption r WHERE r.hold_id = h.id AND h.state = 'open';
