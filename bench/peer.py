"""A ledger of the other common design, written for comparison from pgledger's public description; none of its code.

What makes the design: accounts with their balance and a version, transfers, and an entry for each side that keeps
the balance before and after it; numeric amounts, ULIDs as text ids that SQL makes, foreign keys, an index on what
is looked up by. A transfer locks both accounts in order, and the last entry gives a balance at a time. Added, so
that both promise the same: each transfer has a key and is made once, and no row of it is edited. It has no holds:
what is held waits on an account beside the resident's own. With ``plain_ids`` its ids are PostgreSQL's own uuidv7,
which is faster.
"""

from __future__ import annotations

WIDTH = 26
PLAIN_ID = """
CREATE SCHEMA peer;
CREATE FUNCTION peer.new_id(kind text) RETURNS text LANGUAGE sql VOLATILE AS $body$ SELECT kind || uuidv7() $body$;
"""
#: A ULID: 128 bits that begin with the time, five to a letter of Crockford's alphabet.
ULID = """
CREATE SCHEMA peer;
CREATE FUNCTION peer.new_id(kind text) RETURNS text LANGUAGE plpgsql VOLATILE AS $body$
DECLARE
    bits  constant bit(130) := B'00' || ('x' || replace(uuidv7()::text, '-', ''))::bit(128);
    letters constant text := '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
    given text := kind;
BEGIN
    FOR n IN 0..25 LOOP
        given := given || substr(letters, substring(bits FROM n * 5 + 1 FOR 5)::integer + 1, 1);
    END LOOP;
    RETURN given;
END
$body$;
"""
SCHEMA = """
CREATE TABLE peer.account (
    id             text        PRIMARY KEY,
    name           text        NOT NULL,
    currency       text        NOT NULL,
    balance        numeric     NOT NULL DEFAULT 0,
    version        bigint      NOT NULL DEFAULT 0,
    below_zero     boolean     NOT NULL,
    metadata       jsonb,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE peer.transfer (
    id           text        PRIMARY KEY DEFAULT peer.new_id('transfer_'),
    key          text        NOT NULL UNIQUE,
    from_account text        NOT NULL REFERENCES peer.account,
    to_account   text        NOT NULL REFERENCES peer.account,
    amount       numeric     NOT NULL CHECK (amount > 0),
    event_at     timestamptz NOT NULL DEFAULT now(),
    created_at   timestamptz NOT NULL DEFAULT now(),
    metadata     jsonb,
    CHECK (from_account <> to_account)
);
CREATE INDEX ON peer.transfer (from_account);
CREATE INDEX ON peer.transfer (to_account);
CREATE TABLE peer.entry (
    id               text        PRIMARY KEY DEFAULT peer.new_id('entry_'),
    account          text        NOT NULL REFERENCES peer.account,
    transfer         text        NOT NULL REFERENCES peer.transfer,
    amount           numeric     NOT NULL,
    balance_before   numeric     NOT NULL,
    balance_after    numeric     NOT NULL,
    account_version  bigint      NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON peer.entry (account, created_at);
CREATE INDEX ON peer.entry (transfer);

CREATE FUNCTION peer.refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'this is only added to';
END
$body$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON peer.transfer
    FOR EACH STATEMENT EXECUTE FUNCTION peer.refuse();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON peer.entry
    FOR EACH STATEMENT EXECUTE FUNCTION peer.refuse();

CREATE FUNCTION peer.enter(of_transfer text, on_account text, moved numeric) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
    now_has peer.account;
BEGIN
    UPDATE peer.account SET balance = balance + moved, version = version + 1, updated_at = now()
    WHERE id = on_account RETURNING * INTO STRICT now_has;
    IF now_has.balance < 0 AND NOT now_has.below_zero THEN
        RAISE EXCEPTION 'account % has too little', on_account;
    END IF;
    INSERT INTO peer.entry (account, transfer, amount, balance_before, balance_after, account_version)
    VALUES (on_account, of_transfer, moved, now_has.balance - moved, now_has.balance, now_has.version);
END
$body$;

CREATE FUNCTION peer.move(wanted_key text, source text, target text, moved numeric) RETURNS text
LANGUAGE plpgsql AS $body$
DECLARE
    made text;
BEGIN
    PERFORM FROM peer.account WHERE id IN (source, target) ORDER BY id FOR UPDATE;
    INSERT INTO peer.transfer (key, from_account, to_account, amount) VALUES (wanted_key, source, target, moved)
    ON CONFLICT (key) DO NOTHING RETURNING id INTO made;
    IF made IS NULL THEN
        SELECT id INTO STRICT made FROM peer.transfer
        WHERE key = wanted_key AND (from_account, to_account, amount) = (source, target, moved);
        RETURN made;
    END IF;
    PERFORM peer.enter(made, source, -moved);
    PERFORM peer.enter(made, target, moved);
    RETURN made;
END
$body$;

CREATE FUNCTION peer.move_many(keys text[], sources text[], targets text[], amounts numeric[]) RETURNS bigint
LANGUAGE plpgsql AS $body$
BEGIN
    PERFORM FROM peer.account WHERE id = ANY (sources || targets) ORDER BY id FOR UPDATE;
    FOR n IN 1..cardinality(keys) LOOP
        PERFORM peer.move(keys[n], sources[n], targets[n], amounts[n]);
    END LOOP;
    RETURN cardinality(keys);
END
$body$;

CREATE FUNCTION peer.balance_at(on_account text, at timestamptz) RETURNS numeric LANGUAGE sql STABLE AS $body$
    SELECT e.balance_after FROM peer.entry e WHERE e.account = on_account AND e.created_at <= at
    ORDER BY e.created_at DESC, e.account_version DESC LIMIT 1
$body$;
"""


def name(number: str) -> str:
    """The SQL of an account's id, as wide as theirs."""
    return f"'account_' || lpad(({number})::text, {WIDTH}, '0')"


def filled(accounts: int, each: int, *, plain_ids: bool) -> tuple[str, ...]:
    """Statements that give so many accounts their balance, one beside each for what is held, and a merchant's (0)."""
    return (
        (PLAIN_ID if plain_ids else ULID) + SCHEMA,
        f"INSERT INTO peer.account (id, name, currency, balance, below_zero) SELECT {name('n')}, n::text, 'mg', "
        f"CASE WHEN n BETWEEN 1 AND {accounts} THEN {each} ELSE 0 END, false FROM generate_series(0, {2 * accounts}) n",
    )


#: What the design promises, looked for: entries sum to zero and to balances, and no balance is below zero.
BROKEN = """
    SELECT (SELECT count(*) FROM (SELECT transfer FROM peer.entry GROUP BY transfer HAVING sum(amount) <> 0) q)
         + (SELECT count(*) FROM peer.account WHERE balance < 0)
         + (SELECT count(*) FROM (SELECT account, max(account_version) AS last, count(*) AS entries FROM peer.entry
                                  GROUP BY account) e JOIN peer.account a ON a.id = e.account
            WHERE a.version <> e.last OR e.last <> e.entries)
"""
