-- Holds: an amount is set aside at once (available falls, held rises), then captured, released or expired, once.

CREATE FUNCTION ledger_hold_answer_of(wanted_key text) RETURNS ledger_answer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
    SELECT id, state, refusal, content_digest, true FROM ledger_hold WHERE key = wanted_key
$body$;

-- Move amounts between available (positive) and held (negative) for the lines of some holds, in key order.
CREATE FUNCTION ledger_unhold(holds bigint[], sign integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    PERFORM FROM ledger_balance b
    WHERE (b.account_id, b.asset_id) IN (SELECT account_id, asset_id FROM ledger_hold_line WHERE hold_id = ANY (holds))
    ORDER BY b.account_id, b.asset_id FOR UPDATE;

    UPDATE ledger_balance b SET available = b.available + sign * line.amount, held = b.held - sign * line.amount
    FROM (SELECT account_id, asset_id, sum(amount)::bigint AS amount FROM ledger_hold_line
          WHERE hold_id = ANY (holds) GROUP BY account_id, asset_id) line
    WHERE b.account_id = line.account_id AND b.asset_id = line.asset_id;
END
$body$;

CREATE FUNCTION ledger_hold(
    hold_key text, digest text, hold_reason text, at timestamptz, expires timestamptz,
    accounts bigint[], assets integer[], amounts bigint[]
) RETURNS ledger_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    answer  ledger_answer := ledger_hold_answer_of(hold_key);
    why_not jsonb;
BEGIN
    IF answer.id IS NOT NULL THEN RETURN answer; END IF;
    why_not := ledger_first_short(accounts, assets, (SELECT array_agg(-a ORDER BY n) FROM unnest(amounts) WITH ORDINALITY AS u (a, n)));
    INSERT INTO ledger_hold (key, content_digest, reason, state, refusal, opened_at, expires_at, closed_at)
    VALUES (hold_key, digest, hold_reason, CASE WHEN why_not IS NULL THEN 'open' ELSE 'refused' END, why_not, at,
            expires, CASE WHEN why_not IS NOT NULL THEN at END)
    ON CONFLICT (key) DO NOTHING
    RETURNING id, state, refusal, content_digest, false INTO answer;
    IF answer.id IS NULL THEN RETURN ledger_hold_answer_of(hold_key); END IF;
    INSERT INTO ledger_hold_line (hold_id, line, account_id, asset_id, amount)
    SELECT answer.id, line, account_id, asset_id, amount
    FROM unnest(accounts, assets, amounts) WITH ORDINALITY AS lines (account_id, asset_id, amount, line);
    IF answer.state = 'open' THEN PERFORM ledger_unhold(ARRAY[answer.id], -1); END IF;
    RETURN answer;
END
$body$;

CREATE FUNCTION ledger_why_not_capture(wanted bigint, at timestamptz, lines integer[], amounts bigint[]) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    target ledger_hold;
    over   record;
BEGIN
    SELECT * INTO target FROM ledger_hold WHERE id = wanted FOR UPDATE;
    IF target.id IS NULL THEN
        RETURN jsonb_build_object('code', 'ledger.unknown_hold', 'facts', jsonb_build_object('hold_id', wanted));
    ELSIF target.state <> 'open' OR target.expires_at <= at THEN
        RETURN jsonb_build_object('code', 'ledger.hold_closed', 'facts', jsonb_build_object(
            'hold_id', wanted, 'state', CASE target.state WHEN 'open' THEN 'expired' ELSE target.state END));
    END IF;
    SELECT u.line, coalesce(l.amount, 0) AS held, sum(u.amount) AS wanted INTO over
    FROM unnest(lines, amounts) AS u (line, amount)
    LEFT JOIN ledger_hold_line l ON l.hold_id = wanted AND l.line = u.line
    GROUP BY u.line, l.amount HAVING sum(u.amount) > coalesce(l.amount, 0) ORDER BY u.line LIMIT 1;
    IF over.line IS NOT NULL THEN
        RETURN jsonb_build_object('code', 'ledger.capture_exceeds_hold', 'facts', jsonb_build_object(
            'hold_id', wanted, 'line', over.line, 'held', over.held, 'wanted', over.wanted));
    END IF;
    RETURN NULL;
END
$body$;

-- Take what was held, or part of it, to other accounts; what is not taken is free again.
CREATE FUNCTION ledger_capture(
    tx_key text, digest text, tx_reason text, effective date, at timestamptz, wanted bigint,
    lines integer[], targets bigint[], amounts bigint[], refs bigint[], codes smallint[]
) RETURNS ledger_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    answer  ledger_answer := ledger_answer_of(tx_key);
    why_not jsonb;
    legs    record;
BEGIN
    IF answer.id IS NOT NULL THEN RETURN answer; END IF;
    why_not := ledger_why_not_capture(wanted, at, lines, amounts);
    IF why_not IS NULL THEN
        SELECT array_agg(account_id ORDER BY n, amount) AS accounts, array_agg(asset_id ORDER BY n, amount) AS assets,
               array_agg(amount ORDER BY n, amount) AS amounts, array_agg(ref ORDER BY n, amount) AS refs,
               array_agg(code ORDER BY n, amount) AS codes
        INTO legs
        FROM (SELECT u.n, side.account_id, l.asset_id, side.amount, u.ref, u.code
              FROM unnest(lines, targets, amounts, refs, codes) WITH ORDINALITY AS u (line, target, amount, ref, code, n)
              JOIN ledger_hold_line l ON l.hold_id = wanted AND l.line = u.line
              CROSS JOIN LATERAL (VALUES (l.account_id, -u.amount), (u.target, u.amount)) AS side (account_id, amount)) all_legs;
        -- Locks what is held and what receives together, in key order, before anything is written.
        PERFORM ledger_first_short(
            legs.accounts || ARRAY(SELECT account_id FROM ledger_hold_line WHERE hold_id = wanted ORDER BY line),
            legs.assets || ARRAY(SELECT asset_id FROM ledger_hold_line WHERE hold_id = wanted ORDER BY line), '{}');
        PERFORM ledger_unhold(ARRAY[wanted], 1);
        answer := ledger_write(tx_key, digest, tx_reason, effective, at, NULL, NULL, NULL,
                               legs.accounts, legs.assets, legs.amounts, legs.refs, legs.codes);
        UPDATE ledger_hold SET state = 'captured', closed_at = at, capture_tx = answer.id WHERE id = wanted;
    ELSE
        answer := ledger_write(tx_key, digest, tx_reason, effective, at, why_not, NULL, NULL, '{}', '{}', '{}', '{}', '{}');
    END IF;
    IF answer.id IS NULL THEN answer := ledger_answer_of(tx_key); END IF;
    RETURN answer;
END
$body$;

-- Give back everything that an open hold set aside. Returns the state the hold was found in, NULL if unknown.
CREATE FUNCTION ledger_release(wanted bigint, at timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    found_state text;
BEGIN
    SELECT state INTO found_state FROM ledger_hold WHERE id = wanted FOR UPDATE;
    IF found_state = 'open' THEN
        PERFORM ledger_unhold(ARRAY[wanted], 1);
        UPDATE ledger_hold SET state = 'released', closed_at = at WHERE id = wanted;
    END IF;
    RETURN found_state;
END
$body$;

-- Close every open hold whose time is over; those that someone closes just now are left to them.
CREATE FUNCTION ledger_expire_holds(at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    over bigint[];
BEGIN
    over := ARRAY(SELECT id FROM ledger_hold WHERE state = 'open' AND expires_at <= at ORDER BY id FOR UPDATE SKIP LOCKED);
    PERFORM ledger_unhold(over, 1);
    UPDATE ledger_hold SET state = 'expired', closed_at = at WHERE id = ANY (over);
    RETURN cardinality(over);
END
$body$;
