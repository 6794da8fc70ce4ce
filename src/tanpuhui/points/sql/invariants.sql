-- What must always be true of points. Each query returns the rows where it is not: (tablename, key, found).

-- invariant: books_never_mint_into_each_other
-- A transaction that moves points makes no reduction and unmakes none: its milligrams go from certified, or pending for good, to retired at most.
SELECT 'ledger_posting' AS tablename, format('tx_id=%s leg=%s', p.tx_id, p.leg) AS key,
       format('%s of %s on an account of kind %s, beside points', p.amount, a.code, p.account_id & 15) AS found
FROM ledger_posting p JOIN ledger_asset a ON a.id = p.asset_id AND a.unit = 'mg'
WHERE EXISTS (SELECT FROM ledger_posting q JOIN points_sponsor s ON s.points_asset = q.asset_id WHERE q.tx_id = p.tx_id)
  AND NOT (p.account_id & 15 IN (1, 2) AND p.amount < 0 OR p.account_id & 15 = 5 AND p.amount > 0);

-- invariant: points_are_where_points_belong
-- Points are on accounts of residents, of merchants that took them, and of the sponsor that owes them, and nowhere else.
SELECT 'ledger_posting' AS tablename, format('tx_id=%s leg=%s', p.tx_id, p.leg) AS key,
       format('points of %s on account %s', s.code, p.account_id) AS found
FROM ledger_posting p JOIN points_sponsor s ON s.points_asset = p.asset_id
WHERE NOT (p.account_id & 15 IN (8, 14) OR p.account_id = (281474976710656 + s.organisation_id) * 16 + 9);

-- invariant: minted_is_converted
-- Points come from conversions and purchases alone: each transaction that mints is one, of as many points.
SELECT 'points_conversion' AS tablename, format('tx_id=%s', coalesce(m.tx_id, c.tx_id)) AS key,
       format('%s points minted, %s converted or bought', coalesce(m.points, 0), coalesce(c.points, 0)) AS found
FROM (SELECT p.tx_id, -sum(p.amount) AS points FROM ledger_posting p JOIN points_sponsor s ON s.points_asset = p.asset_id
      WHERE p.account_id & 15 = 9 GROUP BY p.tx_id HAVING sum(p.amount) < 0) m
FULL JOIN (SELECT tx_id, points FROM points_conversion UNION ALL SELECT tx_id, points FROM points_purchase) c
    ON c.tx_id = m.tx_id
WHERE m.points IS DISTINCT FROM c.points;

-- invariant: bought_is_paid
-- The sponsor of a purchase got its points' worth in money, and residents got its points.
SELECT 'points_purchase' AS tablename, format('id=%s', b.id) AS key,
       format('%s points for %s, %s paid, %s earned', b.points, b.amount_minor, coalesce(m.amount, 0), coalesce(e.points, 0)) AS found
FROM points_purchase b
LEFT JOIN (SELECT t.key, p.account_id, sum(p.amount) AS amount FROM ledger_transaction t JOIN ledger_posting p ON p.tx_id = t.id
           JOIN ledger_asset a ON a.id = p.asset_id AND a.code LIKE 'money:%' WHERE t.reason = 'points.buy' GROUP BY 1, 2) m
    ON m.key = 'points.buy:' || b.key AND m.account_id = (281474976710656 + b.sponsor_id) * 16 + 4
LEFT JOIN (SELECT tx_id, sum(points) AS points FROM points_earning WHERE via = 'purchase' GROUP BY 1) e ON e.tx_id = b.tx_id
WHERE m.amount IS DISTINCT FROM b.amount_minor OR e.points IS DISTINCT FROM b.points;

-- invariant: paid_is_bought
-- Money that went to a sponsor for points is that of a purchase.
SELECT 'ledger_transaction' AS tablename, format('id=%s', t.id) AS key, t.key AS found
FROM ledger_transaction t
WHERE t.reason = 'points.buy' AND t.state = 'posted'
  AND NOT EXISTS (SELECT FROM points_purchase b WHERE t.key = 'points.buy:' || b.key OR b.tx_id = t.id);

-- invariant: points_change_hands_as_gifts
-- Points of one person go to another one only by giving them.
SELECT 'ledger_transaction' AS tablename, format('id=%s', t.id) AS key, format('for the reason %s', t.reason) AS found
FROM ledger_transaction t
WHERE t.batch_id IS NULL AND t.reason <> 'points.give' AND t.id IN (
    SELECT p.tx_id FROM ledger_posting p JOIN points_sponsor s ON s.points_asset = p.asset_id
    WHERE p.account_id & 15 = 8 GROUP BY p.tx_id, p.asset_id HAVING min(p.amount) < 0 AND max(p.amount) > 0);

-- invariant: conversion_is_its_lines
-- A conversion took from lots what its points cost, and what it used up was retired in the same transaction.
SELECT 'points_conversion' AS tablename, format('id=%s', c.id) AS key,
       format('%s mg, lines sum to %s, %s were retired', c.amount_mg, coalesce(l.amount, 0), coalesce(r.amount, 0)) AS found
FROM points_conversion c
LEFT JOIN (SELECT conversion_id, sum(amount_mg) AS amount FROM points_conversion_line GROUP BY 1) l ON l.conversion_id = c.id
LEFT JOIN (SELECT p.tx_id, sum(p.amount) AS amount FROM ledger_posting p JOIN ledger_asset a ON a.id = p.asset_id
           WHERE a.unit = 'mg' AND p.account_id & 15 = 5 GROUP BY 1) r ON r.tx_id = c.tx_id
WHERE c.amount_mg IS DISTINCT FROM l.amount OR coalesce(r.amount, 0) <> CASE WHEN c.consumed THEN c.amount_mg ELSE 0 END;

-- invariant: no_milligram_converts_twice
-- Of each lot nobody converted more than was certified to them, and of what is never certified, than was credited.
SELECT 'points_conversion_line' AS tablename, format('account=%s asset=%s', l.account, l.asset) AS key,
       format('%s mg converted, %s certified', l.amount, coalesce(c.amount, 0)) AS found
FROM (SELECT account, asset, sum(amount_mg) AS amount FROM points_conversion_line GROUP BY 1, 2) l
LEFT JOIN (SELECT p.account_id, p.asset_id, sum(p.amount) AS amount FROM ledger_posting p
           JOIN ledger_transaction t ON t.id = p.tx_id WHERE (t.reason = 'certify' AND p.account_id & 15 = 2)
               OR (t.reason = 'close' AND p.account_id & 15 = 1 AND p.amount > 0) GROUP BY 1, 2) c
    ON c.account_id IN (l.account * 16 + 1, l.account * 16 + 2) AND c.asset_id = l.asset
WHERE l.amount > coalesce(c.amount, 0);

-- invariant: reserve_covers_points
-- What a sponsor has reserved is what all points outstanding are worth, to the minor unit.
SELECT 'points_sponsor' AS tablename, format('code=%s', s.code) AS key,
       format('%s points at %s outstanding, %s reserved', coalesce(o.points, 0), s.point_value_minor, coalesce(r.amount, 0)) AS found
FROM points_sponsor s
LEFT JOIN (SELECT asset_id, -sum(amount) AS points FROM ledger_posting WHERE account_id & 15 = 9 GROUP BY 1) o
    ON o.asset_id = s.points_asset
LEFT JOIN (SELECT account_id, asset_id, sum(amount) AS amount FROM ledger_posting WHERE account_id & 15 = 3 GROUP BY 1, 2) r
    ON r.asset_id = s.money_asset AND r.account_id = (281474976710656 + s.organisation_id) * 16 + 3
WHERE coalesce(o.points, 0) * s.point_value_minor <> coalesce(r.amount, 0);

-- invariant: taken_is_what_waits_for_settlement
-- Points that an organisation took and not settled are its captures less its refunds less its settlements.
SELECT 'points_closing' AS tablename, format('organisation=%s asset=%s', coalesce(b.organisation, l.organisation),
       coalesce(b.asset, l.asset)) AS key,
       format('the ledger has %s points, lines sum to %s', coalesce(b.points, 0), coalesce(l.points, 0)) AS found
FROM (SELECT (account_id >> 4) - 281474976710656 AS organisation, asset_id AS asset, sum(amount) AS points
      FROM ledger_posting WHERE account_id & 15 = 14 GROUP BY 1, 2) b
FULL JOIN (
    SELECT all_lines.organisation_id AS organisation, s.points_asset AS asset, sum(all_lines.points) AS points FROM (
        SELECT organisation_id, sponsor_id, points FROM points_closing WHERE state = 'captured'
        UNION ALL SELECT organisation_id, sponsor_id, -points FROM points_refund
        UNION ALL SELECT organisation_id, sponsor_id, -points FROM points_settlement) all_lines
    JOIN points_sponsor s ON s.organisation_id = all_lines.sponsor_id GROUP BY 1, 2) l
    ON l.organisation = b.organisation AND l.asset = b.asset
WHERE coalesce(b.points, 0) <> coalesce(l.points, 0);

-- invariant: settlement_is_its_lines
-- A settlement is the sum of its lines, at what its sponsor's point is worth.
SELECT 'points_settlement' AS tablename, format('reference=%s', t.reference) AS key,
       format('%s points and %s money, lines have %s and %s', t.points, t.amount_minor, l.points, l.amount) AS found
FROM points_settlement t JOIN points_sponsor s ON s.organisation_id = t.sponsor_id
LEFT JOIN (SELECT settlement_id, sum(points) AS points, sum(amount_minor) AS amount, count(*) AS lines
           FROM points_settlement_line GROUP BY 1) l ON l.settlement_id = t.id
WHERE (t.points, t.amount_minor, t.lines_count) IS DISTINCT FROM (l.points, l.amount, l.lines)
   OR t.amount_minor <> t.points * s.point_value_minor;

-- invariant: payable_is_what_is_not_paid
-- Money that is settled and not paid is that of settlements without a payment.
SELECT 'points_settlement' AS tablename, format('organisation=%s asset=%s', coalesce(b.organisation, l.organisation),
       coalesce(b.asset, l.asset)) AS key,
       format('the ledger owes %s, settlements %s', coalesce(b.amount, 0), coalesce(l.amount, 0)) AS found
FROM (SELECT (p.account_id >> 4) - 281474976710656 AS organisation, p.asset_id AS asset, sum(p.amount) AS amount
      FROM ledger_posting p JOIN points_sponsor s ON s.money_asset = p.asset_id
      WHERE p.account_id & 15 = 10 GROUP BY 1, 2) b
FULL JOIN (SELECT t.organisation_id AS organisation, s.money_asset AS asset, sum(t.amount_minor) AS amount
           FROM points_settlement t JOIN points_sponsor s ON s.organisation_id = t.sponsor_id
           WHERE NOT EXISTS (SELECT FROM points_payment k WHERE k.settlement_id = t.id) GROUP BY 1, 2) l
    ON l.organisation = b.organisation AND l.asset = b.asset
WHERE coalesce(b.amount, 0) <> coalesce(l.amount, 0);

-- invariant: captured_is_what_was_held
-- A redemption that is captured took its points from its own hold, never more than it held.
SELECT 'points_closing' AS tablename, format('redemption_id=%s', c.redemption_id) AS key,
       format('%s of %s points, transaction %s, hold %s', c.points, r.points, c.tx_id, r.hold_id) AS found
FROM points_closing c LEFT JOIN points_redemption r ON r.id = c.redemption_id
LEFT JOIN ledger_single_hold_end e ON e.hold_id = r.hold_id
WHERE c.state = 'captured' AND (r.state IS DISTINCT FROM 'held' OR c.points > r.points OR c.quantity > r.quantity
    OR c.tx_id IS DISTINCT FROM e.tx_id OR c.points <> coalesce(e.taken, 0));

-- invariant: released_is_free
-- What was released or is over is held no more, and what is held for a redemption has a hold of its points that is open.
SELECT 'points_redemption' AS tablename, format('id=%s', r.id) AS key,
       format('%s, hold %s of %s, ended at %s', coalesce(c.state, r.state), r.hold_id, h.amount, e.at) AS found
FROM points_redemption r LEFT JOIN ledger_single_hold h ON h.id = r.hold_id
LEFT JOIN ledger_single_hold_end e ON e.hold_id = r.hold_id LEFT JOIN points_closing c ON c.redemption_id = r.id
WHERE r.state = 'held' AND r.points > 0 AND (h.amount IS DISTINCT FROM r.points
    OR (c.redemption_id IS NULL) <> (e.hold_id IS NULL) OR c.state IN ('released', 'expired') AND e.tx_id IS NOT NULL);

-- invariant: stock_is_what_was_not_given
-- What is left of an offer is what it had less what is held for people or was captured.
SELECT 'points_stripe' AS tablename, format('offer=%s', o.code) AS key,
       format('%s left, %s had, %s taken', s.amount, points_most(o.stock, o.budget_points, o.price_points), coalesce(t.amount, 0)) AS found
FROM points_offer o
JOIN (SELECT offer_id, sum("left") AS amount FROM points_stripe WHERE day = '9999-12-31' GROUP BY 1) s ON s.offer_id = o.id
LEFT JOIN (SELECT r.offer_id, sum(coalesce(c.quantity, r.quantity)) AS amount FROM points_redemption r
           LEFT JOIN points_closing c ON c.redemption_id = r.id WHERE r.state = 'held' GROUP BY 1) t ON t.offer_id = o.id
WHERE s.amount + coalesce(t.amount, 0) <> points_most(o.stock, o.budget_points, o.price_points);

-- invariant: nobody_has_more_than_their_limit
-- What one person has of an offer is within its limit, in all and for each day.
SELECT 'points_redemption' AS tablename, format('offer=%s account=%s', o.code, t.account) AS key,
       format('%s on %s, of %s in all', t.of_day, t.day, t.amount) AS found
FROM (SELECT r.offer_id, r.account, r.day, sum(coalesce(c.quantity, r.quantity)) AS of_day,
             sum(sum(coalesce(c.quantity, r.quantity))) OVER (PARTITION BY r.offer_id, r.account) AS amount
      FROM points_redemption r LEFT JOIN points_closing c ON c.redemption_id = r.id
      WHERE r.state = 'held' GROUP BY 1, 2, 3) t
JOIN points_offer o ON o.id = t.offer_id
WHERE t.amount > o.per_person OR t.of_day > o.per_person_day;

-- invariant: use_is_what_people_have
-- What counts against one person's limit of an offer is what they have of it, in all and of the last day.
SELECT 'points_use' AS tablename, format('offer=%s account=%s', o.code, coalesce(u.account, t.account)) AS key,
       format('%s counted, %s had; of %s %s and %s', coalesce(u.total, 0), coalesce(t.amount, 0), u.day, coalesce(u.day_total, 0), coalesce(d.amount, 0)) AS found
FROM points_use u
FULL JOIN (SELECT r.offer_id, r.account, sum(coalesce(c.quantity, r.quantity)) AS amount
           FROM points_redemption r LEFT JOIN points_closing c ON c.redemption_id = r.id
           WHERE r.state = 'held' GROUP BY 1, 2) t ON t.offer_id = u.offer_id AND t.account = u.account
LEFT JOIN (SELECT r.offer_id, r.account, r.day, sum(coalesce(c.quantity, r.quantity)) AS amount
           FROM points_redemption r LEFT JOIN points_closing c ON c.redemption_id = r.id
           WHERE r.state = 'held' GROUP BY 1, 2, 3) d ON d.offer_id = u.offer_id AND d.account = u.account AND d.day = u.day
JOIN points_offer o ON o.id = coalesce(u.offer_id, t.offer_id) AND (o.per_person IS NOT NULL OR o.per_person_day IS NOT NULL)
WHERE coalesce(u.total, 0) <> coalesce(t.amount, 0) OR coalesce(u.day_total, 0) <> coalesce(d.amount, 0);

-- invariant: what_was_clawed_back_is_answered
-- Points were taken back, or written down as lost, for no more than their conversion, and are gone from the ledger.
SELECT 'points_take_back' AS tablename, format('conversion=%s', c.id) AS key,
       format('%s points, %s taken back, %s lost, transactions took %s', c.points, b.points, b.lost, coalesce(p.points, 0)) AS found
FROM points_conversion c
JOIN (SELECT conversion_id, sum(points) AS points, sum(lost_points) AS lost FROM points_take_back GROUP BY 1) b
    ON b.conversion_id = c.id
LEFT JOIN (SELECT t.conversion_id, sum(q.amount) AS points FROM points_take_back t
           JOIN points_conversion k ON k.id = t.conversion_id JOIN points_sponsor s ON s.organisation_id = k.sponsor_id
           JOIN ledger_posting q ON q.tx_id = t.tx_id AND q.asset_id = s.points_asset AND q.account_id & 15 = 9
           GROUP BY 1) p ON p.conversion_id = c.id
WHERE b.points + b.lost > c.points OR b.points <> coalesce(p.points, 0) OR c.rule ->> 'on_clawback' IS DISTINCT FROM 'take_back';
