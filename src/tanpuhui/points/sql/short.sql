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

-- What the ledger had ended by the clock before anybody closed its redemption: it is over, and its stock is free again.
DO $over$
DECLARE
    redemption points_redemption;
    ended_at   timestamptz;
BEGIN
    FOR redemption IN SELECT r.* FROM points_redemption r JOIN ledger_hold h ON h.id = r.hold_id
        WHERE r.state = 'held' AND h.state <> 'open'
            AND NOT EXISTS (SELECT FROM points_closing c WHERE c.redemption_id = r.id) ORDER BY r.id
    LOOP
        SELECT closed_at INTO STRICT ended_at FROM ledger_hold WHERE id = redemption.hold_id;
        INSERT INTO points_closing (redemption_id, key, content_digest, state, organisation_id, sponsor_id, quantity,
            points, at)
        VALUES (redemption.id, 'expired', 'expired', 'expired', redemption.organisation_id, redemption.sponsor_id, 0, 0,
            ended_at);
        PERFORM points_give_back(redemption, redemption.quantity);
    END LOOP;
END
$over$;

UPDATE ledger_hold h SET state = 'released', closed_at = h.opened_at
FROM points_redemption r WHERE r.hold_id = h.id AND h.state = 'open';
