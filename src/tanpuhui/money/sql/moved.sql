-- Banks' files and lines came with points, and are money's since: every row as it is, under its number. What paid a
-- settlement says so in a table of its own.

INSERT INTO money_bank_file (id, digest, statement, lines_count, at)
SELECT id, digest, statement, lines_count, at FROM points_bank_file;

INSERT INTO money_bank_line (id, file_id, number, entry, reference, amount_minor, currency, is_debit, booked_on,
                             fingerprint, claimant, subject, why_not)
SELECT l.id, l.file_id, l.number, l.entry, l.reference, l.amount_minor, l.currency, l.is_debit, l.booked_on,
       format('line %s', l.id), CASE WHEN s.id IS NULL THEN '' ELSE 'points.settlement' END, coalesce(s.reference, ''), l.why_not
FROM points_bank_line l LEFT JOIN points_settlement s ON s.id = l.settlement_id;

INSERT INTO points_payment (settlement_id, line_id, tx_id)
SELECT settlement_id, id, tx_id FROM points_bank_line WHERE settlement_id IS NOT NULL;

SELECT setval(pg_get_serial_sequence('money_bank_file', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM money_bank_file), false),
       setval(pg_get_serial_sequence('money_bank_line', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM money_bank_line), false);

-- Keys are looked at now, so that the old tables can go in the same transaction.
SET CONSTRAINTS ALL IMMEDIATE;
