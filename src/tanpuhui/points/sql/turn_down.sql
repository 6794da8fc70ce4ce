-- Store a refusal that the verb found before it asked for a hold: of a financial product, for a tier or a consent. It
-- touches nothing else, and the same key gets it again. A key that is known already keeps its first answer.
CREATE FUNCTION points_turn_down(
    hold_key text, digest text, wanted_offer bigint, person bigint, wanted bigint, why_not jsonb, today date, at timestamptz
) RETURNS points_redeemed
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$body$
DECLARE
    answer points_redeemed;
BEGIN
    INSERT INTO points_redemption (key, content_digest, offer_id, organisation_id, sponsor_id, account, quantity,
        points, state, refusal, day, opened_at)
    SELECT hold_key, digest, o.id, o.organisation_id, o.sponsor_id, person, wanted,
        least(wanted::numeric * o.price_points, 9e18)::bigint, 'refused', why_not, today, at
    FROM points_offer o WHERE o.id = wanted_offer AND o.kind = 'financial'
    ON CONFLICT (key) DO NOTHING
    RETURNING id, state, refusal, content_digest, false INTO answer;
    IF answer.id IS NULL THEN answer := points_redemption_of(hold_key); END IF;
    IF answer.id IS NULL THEN RAISE EXCEPTION 'offer % is no financial product', wanted_offer; END IF;
    RETURN answer;
END
$body$;
