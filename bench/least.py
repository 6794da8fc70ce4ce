"""The least schema that moves and holds an amount: a unique key, a balance with a floor, two legs, and nothing else.

No rule but the floor, no offers, stock, refusals, digests or judges; nothing keeps a row from being changed. What it
does in a second is what the machine gave in that run, and so is what one row alone costs with its commit (``COMMIT``).
"""

from __future__ import annotations

SCHEMA = """
CREATE SCHEMA least;
CREATE TABLE least.balance (
    account   bigint PRIMARY KEY,
    available bigint NOT NULL CHECK (available >= 0),
    held      bigint NOT NULL DEFAULT 0 CHECK (held >= 0)
) WITH (fillfactor = 60);
CREATE TABLE least.held (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key     uuid   NOT NULL UNIQUE,
    account bigint NOT NULL,
    amount  bigint NOT NULL,
    is_open boolean NOT NULL DEFAULT true
) WITH (fillfactor = 60);
CREATE TABLE least.moved (
    id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key uuid   NOT NULL UNIQUE
);
CREATE TABLE least.leg (of bigint NOT NULL, account bigint NOT NULL, amount bigint NOT NULL);
CREATE INDEX ON least.leg (account);
CREATE TABLE least.mark (n integer NOT NULL);

CREATE FUNCTION least.hold(wanted uuid, who bigint, price bigint) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $body$
DECLARE
    made bigint;
BEGIN
    INSERT INTO least.held (key, account, amount) VALUES (wanted, who, price) RETURNING id INTO made;
    UPDATE least.balance SET available = available - price, held = held + price WHERE account = who;
    RETURN made;
END
$body$;
CREATE FUNCTION least.capture(wanted bigint, merchant bigint) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $body$
DECLARE
    who   bigint;
    price bigint;
BEGIN
    UPDATE least.held SET is_open = false WHERE id = wanted AND is_open
    RETURNING account, amount INTO STRICT who, price;
    UPDATE least.balance SET held = held - price WHERE account = who;
    INSERT INTO least.leg VALUES (wanted, who, -price), (wanted, merchant, price);
END
$body$;
CREATE FUNCTION least.move(wanted uuid, source bigint, target bigint, price bigint) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $body$
DECLARE
    made   bigint;
    first  constant bigint := least(source, target);
    change constant bigint := CASE first WHEN source THEN -price ELSE price END;
BEGIN
    INSERT INTO least.moved (key) VALUES (wanted) RETURNING id INTO made;
    UPDATE least.balance SET available = available + change WHERE account = first;
    UPDATE least.balance SET available = available - change WHERE account = greatest(source, target);
    INSERT INTO least.leg VALUES (made, source, -price), (made, target, price);
    RETURN made;
END
$body$;
"""
HOLD = """\\set account random(1, {accounts})
SELECT least.hold(gen_random_uuid(), :account, 1) AS id \\gset
SELECT least.capture(:id, 0);
"""
#: To be put behind what draws ``:source`` and ``:target``.
MOVE = "SELECT least.move(gen_random_uuid(), :source, :target, 1);\n"
COMMIT = "INSERT INTO least.mark VALUES (1);\n"


def filled(accounts: int, each: int) -> tuple[str, ...]:
    """Statements that give so many accounts their balance."""
    return SCHEMA, f"INSERT INTO least.balance SELECT n, {each}, 0 FROM generate_series(1, {accounts}) n"
