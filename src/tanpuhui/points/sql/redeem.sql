-- Redemptions: points are held for an offer, then captured by who gives it, or released. One call, one answer, the
-- same for every repeat of its key. Locks are taken in one order: the closing, the person's count, stripes of stock (all days,
-- then the day), the ledger's balance. No row is everybody's. The functions that nobody may call from outside run as
-- part of those that somebody may, with their rights and search path.

DO $type$
BEGIN
    IF to_regtype('points_redeemed') IS NULL THEN
        CREATE TYPE points_redeemed AS (id bigint, state text, refusal jsonb, content_digest text, repeated boolean);
    END IF;
END
$type$;

CREATE OR REPLACE FUNCTION points_redemption_of(wanted_key text) RETURNS points_redeemed
LANGUAGE sql STABLE AS
$body$
    SELECT id, state, refusal, content_digest, true FROM points_redemption WHERE key = wanted_key
$body$;

-- Say no from anywhere inside: caught by the verb, which stores it.
CREATE OR REPLACE FUNCTION points_refuse(code text, facts jsonb) RETURNS void LANGUAGE plpgsql AS
$body$
BEGIN
    RAISE EXCEPTION '%', code USING ERRCODE = 'TP001', DETAIL = jsonb_build_object('code', code, 'facts', facts)::text;
END
$body$;

-- The stripes of an offer: as many as 64, together what there is. Made when it is published, and for each day.
CREATE OR REPLACE FUNCTION points_make_stripes(offer bigint, of_day date, whole bigint) RETURNS void
LANGUAGE sql AS
$body$
    INSERT INTO points_stripe (offer_id, day, stripe, "left")
    SELECT offer, of_day, n, whole / parts + CASE WHEN n < whole % parts THEN 1 ELSE 0 END
    FROM (SELECT least(64, whole) AS parts) p, generate_series(0, least(64, whole)::integer - 1) AS n
    ON CONFLICT DO NOTHING
$body$;

-- What an offer can be had of in all: its stock, or what its budget pays for, whichever is less.
CREATE OR REPLACE FUNCTION points_most(stock bigint, budget bigint, price bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$body$ SELECT least(stock, CASE WHEN price > 0 THEN budget / price END) $body$;

CREATE OR REPLACE FUNCTION points_publish_stock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    most bigint := points_most(NEW.stock, NEW.budget_points, NEW.price_points);
BEGIN
    IF most IS NOT NULL THEN PERFORM points_make_stripes(NEW.id, '9999-12-31', most); END IF;
    RETURN NULL;
END
$body$;

CREATE OR REPLACE TRIGGER points_publish_stock AFTER INSERT ON points_offer
    FOR EACH ROW EXECUTE FUNCTION points_publish_stock();

-- Take some of what is left. At first without waiting: one's own stripe, or any other that nobody has locked. A row that
-- was looked at may stay locked though it had too little, so waiting for others from there could deadlock: the verb undoes
-- what it did (TP003) and comes back patient, which locks all stripes in their order and takes from several.
CREATE OR REPLACE FUNCTION points_take(offer bigint, of_day date, whole bigint, wanted bigint, person bigint, patient boolean)
RETURNS boolean
LANGUAGE plpgsql AS
$body$
BEGIN
    IF NOT patient THEN
        UPDATE points_stripe SET "left" = "left" - wanted
        WHERE offer_id = offer AND day = of_day AND stripe = (
            SELECT stripe FROM points_stripe
            WHERE offer_id = offer AND day = of_day AND stripe = person % least(64, whole) AND "left" >= wanted
            FOR UPDATE SKIP LOCKED);
        IF FOUND THEN RETURN true; END IF;
        UPDATE points_stripe SET "left" = "left" - wanted
        WHERE offer_id = offer AND day = of_day AND stripe = (
            SELECT stripe FROM points_stripe
            WHERE offer_id = offer AND day = of_day AND "left" >= wanted ORDER BY stripe LIMIT 1 FOR UPDATE SKIP LOCKED);
        IF FOUND THEN RETURN true; END IF;
        -- Nothing left anywhere is the usual reason; it is seen without a lock, so that late comers do not queue.
        IF (SELECT coalesce(sum("left"), 0) FROM points_stripe WHERE offer_id = offer AND day = of_day) = 0 THEN
            RETURN false;
        END IF;
        RAISE EXCEPTION 'be patient' USING ERRCODE = 'TP003';
    END IF;
    PERFORM FROM points_stripe WHERE offer_id = offer AND day = of_day ORDER BY stripe FOR UPDATE;
    IF (SELECT coalesce(sum("left"), 0) FROM points_stripe WHERE offer_id = offer AND day = of_day) < wanted THEN
        RETURN false;
    END IF;
    UPDATE points_stripe s SET "left" = s."left" - take.amount
    FROM (SELECT stripe, least("left", greatest(0, wanted - before)) AS amount
          FROM (SELECT stripe, "left", sum("left") OVER (ORDER BY stripe) - "left" AS before
                FROM points_stripe WHERE offer_id = offer AND day = of_day) running) take
    WHERE s.offer_id = offer AND s.day = of_day AND s.stripe = take.stripe AND take.amount > 0;
    RETURN true;
END
$body$;

CREATE OR REPLACE FUNCTION points_give_back(redemption points_redemption, amount bigint) RETURNS void
LANGUAGE plpgsql AS
$body$
DECLARE
    offer points_offer;
    most  bigint;
BEGIN
    SELECT * INTO STRICT offer FROM points_offer WHERE id = redemption.offer_id;
    IF offer.per_person IS NOT NULL OR offer.per_person_day IS NOT NULL THEN
        UPDATE points_use SET total = total - amount,
            day_total = CASE WHEN day = redemption.day THEN day_total - amount ELSE day_total END
        WHERE offer_id = offer.id AND account = redemption.account;
    END IF;
    most := points_most(offer.stock, offer.budget_points, offer.price_points);
    IF most IS NOT NULL THEN
        UPDATE points_stripe SET "left" = "left" + amount
        WHERE offer_id = offer.id AND day = '9999-12-31' AND stripe = redemption.account % least(64, most);
    END IF;
    IF offer.per_day IS NOT NULL THEN
        UPDATE points_stripe SET "left" = "left" + amount
        WHERE offer_id = offer.id AND day = redemption.day AND stripe = redemption.account % least(64, offer.per_day);
    END IF;
END
$body$;

CREATE OR REPLACE FUNCTION points_consent_stands(wanted bigint, at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS
$body$
    SELECT EXISTS (
        SELECT FROM consent_grant g CROSS JOIN LATERAL (
            SELECT state FROM consent_grant_event e WHERE e.grant_id = g.id ORDER BY seq DESC LIMIT 1) last
        WHERE g.id = wanted AND last.state IN ('ConsentGiven', 'Resumed') AND g.begins_at <= at AND at < g.expires_at)
$body$;

-- Whether an offer is to be had now, by this person: takes what it counts, or refuses.
CREATE OR REPLACE FUNCTION points_admit(
    offer points_offer, person bigint, wanted bigint, today date, at timestamptz, patient boolean
) RETURNS void
LANGUAGE plpgsql AS
$body$
DECLARE
    most     bigint := points_most(offer.stock, offer.budget_points, offer.price_points);
    counted  bigint;
    used     points_use;
BEGIN
    IF at < offer.starts_at THEN
        PERFORM points_refuse('points.offer_not_yet', jsonb_build_object('offer', offer.code, 'starts_at', offer.starts_at));
    ELSIF at >= offer.ends_at THEN
        PERFORM points_refuse('points.offer_over', jsonb_build_object('offer', offer.code, 'ends_at', offer.ends_at));
    ELSIF EXISTS (SELECT FROM points_stop s WHERE s.offer_id = offer.id AND s.at <= points_admit.at) THEN
        PERFORM points_refuse('points.offer_stopped', jsonb_build_object('offer', offer.code));
    END IF;
    IF offer.per_person IS NOT NULL OR offer.per_person_day IS NOT NULL THEN
        INSERT INTO points_use AS u (offer_id, account, total, day, day_total)
        SELECT offer.id, person, wanted, today, wanted
        WHERE wanted <= coalesce(offer.per_person, wanted) AND wanted <= coalesce(offer.per_person_day, wanted)
        ON CONFLICT (offer_id, account) DO UPDATE SET
            total = u.total + wanted,
            day_total = CASE WHEN u.day = today THEN u.day_total ELSE 0 END + wanted,
            day = today
        WHERE u.total + wanted <= coalesce(offer.per_person, u.total + wanted)
          AND CASE WHEN u.day = today THEN u.day_total ELSE 0 END + wanted
              <= coalesce(offer.per_person_day, CASE WHEN u.day = today THEN u.day_total ELSE 0 END + wanted)
          AND (offer.per_person_day IS NULL OR u.day <> today + 1)
        RETURNING u.total INTO counted;
        IF counted IS NULL THEN
            SELECT * INTO used FROM points_use WHERE offer_id = offer.id AND account = person;
            IF offer.per_person_day IS NOT NULL AND used.day = today + 1 THEN
                RAISE EXCEPTION 'be patient' USING ERRCODE = 'TP003';
            END IF;
            PERFORM points_refuse('points.limit_reached', jsonb_build_object(
                'offer', offer.code, 'wanted', wanted, 'had', coalesce(used.total, 0),
                'had_today', CASE WHEN used.day = today THEN used.day_total ELSE 0 END,
                'per_person', offer.per_person, 'per_person_day', offer.per_person_day));
        END IF;
    END IF;
    IF most IS NOT NULL AND (most = 0 OR NOT points_take(offer.id, '9999-12-31', most, wanted, person, patient)) THEN
        PERFORM points_refuse(CASE WHEN most = offer.stock THEN 'points.stock_gone' ELSE 'points.budget_gone' END,
            jsonb_build_object('offer', offer.code, 'wanted', wanted, 'left', coalesce((SELECT sum("left")
                FROM points_stripe WHERE offer_id = offer.id AND day = '9999-12-31'), 0)));
    END IF;
    IF offer.per_day IS NOT NULL THEN
        IF NOT EXISTS (SELECT FROM points_stripe WHERE offer_id = offer.id AND day = today) THEN
            PERFORM points_make_stripes(offer.id, today, offer.per_day);
        END IF;
        IF NOT points_take(offer.id, today, offer.per_day, wanted, person, patient) THEN
            PERFORM points_refuse('points.day_full', jsonb_build_object(
                'offer', offer.code, 'wanted', wanted, 'per_day', offer.per_day, 'day', today));
        END IF;
    END IF;
END
$body$;

CREATE OR REPLACE FUNCTION points_hold(
    hold_key text, digest text, wanted_offer bigint, person bigint, wanted bigint, terms bigint, consent bigint,
    today date, at timestamptz
) RETURNS points_redeemed
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS
$body$
DECLARE
    answer  points_redeemed;
    offer   points_offer;
    asset   integer;
    price   bigint;
    until   timestamptz;
    last    timestamptz;
    held    bigint;
    why_not text;
    patient boolean := false;
BEGIN
    -- A key that is known is met where the row is written: what was done until then is undone.
    IF wanted IS NULL OR wanted < 1 THEN RAISE EXCEPTION 'a redemption is of one or more'; END IF;
    SELECT * INTO STRICT offer FROM points_offer WHERE id = wanted_offer;
    SELECT points_asset INTO asset FROM points_sponsor WHERE organisation_id = offer.sponsor_id;
    -- Not more than the ledger counts: a quantity that large is short of points in any case.
    price := least(wanted::numeric * offer.price_points, 9e18)::bigint;
    until := at + make_interval(secs => offer.code_s);
    last := until + make_interval(secs => offer.offline_s);
    LOOP BEGIN
        -- Who was counted for the next day already is counted for it again: at midnight a request may be overtaken, and
        -- a count that went back to the day before would forget what was had on either.
        IF offer.per_person_day IS NOT NULL AND EXISTS (
                SELECT FROM points_use u WHERE u.offer_id = offer.id AND u.account = person AND u.day = today + 1) THEN
            today := today + 1;
        END IF;
        IF offer.kind = 'financial' AND (terms IS NULL OR consent IS NULL
                OR NOT EXISTS (SELECT FROM points_terms t WHERE t.id = terms AND t.offer_id = offer.id)) THEN
            RAISE EXCEPTION 'a financial product needs the terms of a tier, and a consent';
        ELSIF consent IS NOT NULL AND NOT points_consent_stands(consent, at) THEN
            PERFORM points_refuse('points.consent_missing', jsonb_build_object('offer', offer.code, 'account', person));
        END IF;
        PERFORM points_admit(offer, person, wanted, today, at, patient);
        IF price > 0 THEN
            held := ledger_hold_one(person * 16 + 8, asset, price);
            IF held IS NULL THEN
                PERFORM points_refuse('points.too_few', jsonb_build_object('offer', offer.code, 'wanted', price,
                    'available', coalesce((SELECT available FROM ledger_balance
                        WHERE account_id = person * 16 + 8 AND asset_id = asset), 0)));
            END IF;
        END IF;
        INSERT INTO points_redemption (key, content_digest, offer_id, organisation_id, sponsor_id, account, quantity,
            points, state, hold_id, terms_id, grant_id, day, opened_at, good_until, expires_at)
        VALUES (hold_key, digest, offer.id, offer.organisation_id, offer.sponsor_id, person, wanted, price,
            'held', held, terms, consent, today, at, until, last)
        RETURNING id, state, refusal, content_digest, false INTO answer;
        RETURN answer;
    EXCEPTION
        WHEN SQLSTATE 'TP001' THEN
            GET STACKED DIAGNOSTICS why_not = PG_EXCEPTION_DETAIL;
            EXIT;
        WHEN SQLSTATE 'TP003' THEN
            patient := true;
        WHEN unique_violation THEN
            -- Another session was first with this key: its answer is the answer.
            answer := points_redemption_of(hold_key);
            IF answer.id IS NULL THEN RAISE; END IF;
            RETURN answer;
    END; END LOOP;
    INSERT INTO points_redemption (key, content_digest, offer_id, organisation_id, sponsor_id, account, quantity,
        points, state, refusal, terms_id, grant_id, day, opened_at)
    VALUES (hold_key, digest, offer.id, offer.organisation_id, offer.sponsor_id, person, wanted, price, 'refused',
        why_not::jsonb, terms, consent, today, at)
    ON CONFLICT (key) DO NOTHING
    RETURNING id, state, refusal, content_digest, false INTO answer;
    IF answer.id IS NULL THEN answer := points_redemption_of(hold_key); END IF;
    RETURN answer;
END
$body$;

-- The answer to a closing of a redemption that is closed: the first one's own key gets it again.
CREATE OR REPLACE FUNCTION points_closed(wanted bigint, closing_key text, wanted_state text) RETURNS points_redeemed
LANGUAGE sql STABLE AS
$body$
    SELECT redemption_id, CASE WHEN key = closing_key AND state = wanted_state THEN state ELSE 'refused' END,
        CASE WHEN key = closing_key AND state = wanted_state THEN NULL ELSE jsonb_build_object(
            'code', 'points.redemption_closed', 'facts',
            jsonb_build_object('redemption', redemption_id, 'state', state, 'closed_at', at)) END,
        CASE WHEN key = closing_key THEN content_digest END, true
    FROM points_closing WHERE redemption_id = wanted
$body$;

CREATE OR REPLACE FUNCTION points_why_not_capture(
    redemption points_redemption, wanted bigint, merchant bigint, amount bigint, at timestamptz
) RETURNS jsonb
LANGUAGE plpgsql STABLE AS
$body$
BEGIN
    IF redemption.id IS NULL OR redemption.organisation_id <> merchant THEN
        RETURN jsonb_build_object('code', 'points.unknown_redemption', 'facts', jsonb_build_object('redemption', wanted));
    ELSIF redemption.state = 'refused' THEN
        RETURN jsonb_build_object('code', 'points.redemption_closed', 'facts',
            jsonb_build_object('redemption', wanted, 'state', 'refused', 'closed_at', redemption.opened_at));
    ELSIF redemption.expires_at <= at THEN
        RETURN jsonb_build_object('code', 'points.redemption_over', 'facts',
            jsonb_build_object('redemption', wanted, 'expires_at', redemption.expires_at));
    ELSIF amount > redemption.quantity THEN
        RETURN jsonb_build_object('code', 'points.more_than_held', 'facts',
            jsonb_build_object('redemption', wanted, 'held', redemption.quantity, 'wanted', amount));
    ELSIF redemption.grant_id IS NOT NULL AND NOT points_consent_stands(redemption.grant_id, at) THEN
        RETURN jsonb_build_object('code', 'points.consent_missing', 'facts', jsonb_build_object(
            'offer', (SELECT code FROM points_offer WHERE id = redemption.offer_id), 'account', redemption.account));
    END IF;
    RETURN NULL;
END
$body$;

-- Take what was held, all of it or fewer; the points go to the merchant, which a settlement pays for them.
CREATE OR REPLACE FUNCTION points_capture(
    capture_key text, digest text, wanted bigint, merchant bigint, amount bigint, effective date, at timestamptz
) RETURNS points_redeemed
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS
$body$
DECLARE
    redemption points_redemption;
    taken      bigint;
    closed     points_redeemed;
    why_not    jsonb;
    price      bigint;
BEGIN
    SELECT * INTO redemption FROM points_redemption WHERE id = wanted;
    IF redemption.id IS NULL OR redemption.organisation_id <> merchant OR redemption.state <> 'held'
        OR redemption.expires_at <= at OR amount > redemption.quantity OR redemption.grant_id IS NOT NULL THEN
        why_not := points_why_not_capture(redemption, wanted, merchant, amount, at);
    END IF;
    IF why_not IS NOT NULL THEN
        IF redemption.organisation_id = merchant THEN
            closed := points_closed(wanted, capture_key, 'captured');
            IF closed.id IS NOT NULL THEN RETURN closed; END IF;
        END IF;
        RETURN (wanted, 'refused', why_not, NULL, false)::points_redeemed;
    END IF;
    IF amount IS NULL OR amount < 1 THEN RAISE EXCEPTION 'a capture is of one or more'; END IF;
    price := redemption.points / redemption.quantity * amount;
    -- Who captures or releases at the same moment meets at the closing, before anything is done.
    IF price > 0 THEN taken := nextval('ledger_transaction_id_seq'); END IF;
    INSERT INTO points_closing (redemption_id, key, content_digest, state, organisation_id, sponsor_id, quantity, points,
        tx_id, at)
    VALUES (wanted, capture_key, digest, 'captured', merchant, redemption.sponsor_id, amount, price, taken, at)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN points_closed(wanted, capture_key, 'captured'); END IF;
    IF amount < redemption.quantity THEN PERFORM points_give_back(redemption, redemption.quantity - amount); END IF;
    IF price > 0 THEN
        -- An organisation's owner number begins at 2^48; kind 14 is points_taken.
        PERFORM ledger_capture_one(taken, 'redeemed:' || wanted, 'redeem', effective, at, redemption.hold_id,
            (281474976710656 + merchant) * 16 + 14, price, wanted);
    END IF;
    RETURN (wanted, 'captured', NULL, digest, false)::points_redeemed;
END
$body$;

-- Give back what was held: asked for (by the person, by the merchant), or because its time is over.
CREATE OR REPLACE FUNCTION points_release(wanted bigint, as_state text, release_key text, digest text, at timestamptz)
RETURNS points_redeemed
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    redemption points_redemption;
    closed     points_redeemed := points_closed(wanted, release_key, as_state);
BEGIN
    IF closed.id IS NOT NULL THEN RETURN closed; END IF;
    SELECT * INTO redemption FROM points_redemption WHERE id = wanted AND state = 'held';
    IF redemption.id IS NULL THEN
        RETURN (wanted, 'refused', jsonb_build_object('code', 'points.unknown_redemption', 'facts',
            jsonb_build_object('redemption', wanted)), NULL, false)::points_redeemed;
    END IF;
    INSERT INTO points_closing (redemption_id, key, content_digest, state, organisation_id, sponsor_id, quantity, points, at)
    VALUES (wanted, release_key, digest, as_state, redemption.organisation_id, redemption.sponsor_id, 0, 0, at)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN points_closed(wanted, release_key, as_state); END IF;
    PERFORM points_give_back(redemption, redemption.quantity);
    IF redemption.hold_id IS NOT NULL THEN PERFORM ledger_release_one(redemption.hold_id, at); END IF;
    RETURN (wanted, as_state, NULL, digest, false)::points_redeemed;
END
$body$;

-- Many at once, so all that they will touch is locked first, in the order in which everybody takes it.
DROP FUNCTION IF EXISTS points_expire_redemptions(timestamptz, integer);
CREATE OR REPLACE FUNCTION points_expire_redemptions(since timestamptz, at timestamptz, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    over       bigint[];
    redemption points_redemption;
BEGIN
    WITH closed AS (
        INSERT INTO points_closing (redemption_id, key, content_digest, state, organisation_id, sponsor_id, quantity, points, at)
        SELECT r.id, 'expired', 'expired', 'expired', r.organisation_id, r.sponsor_id, 0, 0, points_expire_redemptions.at
        FROM points_redemption r
        WHERE r.expires_at > since AND r.expires_at <= points_expire_redemptions.at AND r.state = 'held'
            AND NOT EXISTS (SELECT FROM points_closing c WHERE c.redemption_id = r.id)
        ORDER BY r.id LIMIT most
        ON CONFLICT DO NOTHING RETURNING redemption_id
    )
    SELECT coalesce(array_agg(redemption_id ORDER BY redemption_id), '{}') INTO over FROM closed;
    PERFORM FROM points_use u
    WHERE (u.offer_id, u.account) IN (SELECT r.offer_id, r.account FROM points_redemption r WHERE r.id = ANY (over))
    ORDER BY u.offer_id, u.account FOR UPDATE;
    PERFORM FROM points_stripe s
    WHERE (s.offer_id, s.day) IN (SELECT r.offer_id, d.day FROM points_redemption r,
        LATERAL (VALUES (r.day), ('9999-12-31'::date)) AS d (day) WHERE r.id = ANY (over))
    ORDER BY s.offer_id, s.day DESC, s.stripe FOR UPDATE;
    PERFORM FROM ledger_balance b
    WHERE (b.account_id, b.asset_id) IN (SELECT h.account_id, h.asset_id FROM points_redemption r
        JOIN ledger_single_hold h ON h.id = r.hold_id WHERE r.id = ANY (over))
    ORDER BY b.account_id, b.asset_id FOR UPDATE;
    FOR redemption IN SELECT * FROM points_redemption r WHERE r.id = ANY (over) ORDER BY r.id LOOP
        PERFORM points_give_back(redemption, redemption.quantity);
        IF redemption.hold_id IS NOT NULL THEN PERFORM ledger_release_one(redemption.hold_id, at); END IF;
    END LOOP;
    RETURN cardinality(over);
END
$body$;
