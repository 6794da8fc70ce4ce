-- A funding that names a bank's line is that line: the sponsor's reference, amount and currency, money that came in. And a
-- line that is a sponsor's funds it. Judged for every client.
CREATE FUNCTION points_funded_by_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS
$body$
BEGIN
    IF NOT EXISTS (
            SELECT FROM money_bank_line l JOIN points_sponsor s ON s.organisation_id = NEW.sponsor_id
            WHERE l.id = NEW.line_id AND l.why_not = '' AND NOT l.is_debit AND l.amount_minor = NEW.amount_minor
                AND l.currency = s.currency AND l.claimant = 'points.funding'
                AND l.subject = 'TPB-' || lpad(s.organisation_id::text, 9, '0')) THEN
        RAISE EXCEPTION 'funding % of sponsor % is not line % of a bank', NEW.reference, NEW.sponsor_id, NEW.line_id
            USING ERRCODE = 'TP002';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER points_funded_by_line BEFORE INSERT ON points_funding
    FOR EACH ROW WHEN (NEW.line_id IS NOT NULL) EXECUTE FUNCTION points_funded_by_line();
