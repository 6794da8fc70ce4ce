-- The ledger's tables. What is written here never changes: a mistake is answered by a new transaction.

-- What an account may do depends on its kind alone. An account is owner_id * 16 + kind, so no table of accounts
-- is needed. A floored kind may not go below zero; its balances are kept in ledger_balance, row by row. The other
-- kinds are counter accounts (what was issued): their balance is the sum of their postings.
CREATE TABLE ledger_account_kind (
    code    smallint PRIMARY KEY CHECK (code BETWEEN 1 AND 15),
    name    text     NOT NULL UNIQUE,
    floored boolean  NOT NULL
);

INSERT INTO ledger_account_kind (code, name, floored) VALUES
    (1, 'resident_pending', true),
    (2, 'resident_certified', true),
    (3, 'pool', true),
    (4, 'company', true),
    (5, 'retired', true),
    (6, 'issuance', false),
    (7, 'cancelled', true),
    (8, 'resident_points', true),
    (9, 'points_liability', false),
    (10, 'buffer', true),
    (11, 'certifying', true);

CREATE TABLE ledger_asset (
    id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text    NOT NULL UNIQUE CHECK (code <> ''),
    unit text    NOT NULL CHECK (unit <> '')
);

-- A batch is many transactions under one key: the close of a day, the certification of a lot.
CREATE TABLE ledger_batch (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key             text        NOT NULL UNIQUE CHECK (key <> ''),
    content_digest  text        NOT NULL,
    manifest        text,
    reason          text        NOT NULL,
    effective_on    date        NOT NULL,
    posted_at       timestamptz NOT NULL,
    transaction_ids bigint[]    NOT NULL,
    legs            bigint      NOT NULL CHECK (legs >= 0),
    credited        numeric     NOT NULL CHECK (credited >= 0),
    debited         numeric     NOT NULL CHECK (debited >= 0)
);

-- posted_on is the UTC day of posted_at: it names the partition in which the legs are.
CREATE TABLE ledger_transaction (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key            text        NOT NULL UNIQUE CHECK (key <> ''),
    content_digest text        NOT NULL,
    reason         text        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('posted', 'refused')),
    refusal        jsonb,
    effective_on   date        NOT NULL,
    posted_at      timestamptz NOT NULL,
    posted_on      date        NOT NULL,
    reverses       bigint      UNIQUE REFERENCES ledger_transaction,
    batch_id       bigint      REFERENCES ledger_batch,
    manifest       text,
    CHECK ((state = 'refused') = (refusal IS NOT NULL)),
    CHECK (posted_on = (posted_at AT TIME ZONE 'UTC')::date),
    CHECK (state = 'posted' OR reverses IS NULL)
);

-- One row when the legs of a transaction have been checked and applied: it cannot happen twice.
CREATE TABLE ledger_applied (
    tx_id bigint PRIMARY KEY REFERENCES ledger_transaction,
    legs  bigint NOT NULL CHECK (legs > 0)
);

-- Legs. Columns are ordered by width, so that a row takes 76 bytes. Stream 1 holds batches (sorted by account,
-- found by BRIN), stream 2 single transactions (found by B-tree); each has a partition for every month.
CREATE TABLE ledger_posting (
    tx_id      bigint   NOT NULL,
    account_id bigint   NOT NULL CHECK ((account_id & 15) BETWEEN 1 AND 11),
    amount     bigint   NOT NULL CHECK (amount <> 0),
    ref        bigint   NOT NULL,
    asset_id   integer  NOT NULL,
    posted_on  date     NOT NULL,
    leg        integer  NOT NULL,
    code       smallint NOT NULL,
    stream     smallint NOT NULL
) PARTITION BY LIST (stream);

CREATE TABLE ledger_posting_batch  PARTITION OF ledger_posting FOR VALUES IN (1) PARTITION BY RANGE (posted_on);
CREATE TABLE ledger_posting_single PARTITION OF ledger_posting FOR VALUES IN (2) PARTITION BY RANGE (posted_on);

CREATE INDEX ledger_posting_batch_brin ON ledger_posting_batch
    USING brin (account_id) WITH (pages_per_range = 16);
CREATE INDEX ledger_posting_single_account ON ledger_posting_single (account_id);
CREATE INDEX ledger_posting_single_tx ON ledger_posting_single (tx_id);

-- What a floored account can use now, and what is held for someone. Each page has room for a new version of all
-- its rows, so that a close that credits everyone need not touch the index.
CREATE TABLE ledger_balance (
    account_id bigint  NOT NULL,
    available  bigint  NOT NULL CONSTRAINT ledger_balance_floor CHECK (available >= 0),
    held       bigint  NOT NULL DEFAULT 0 CONSTRAINT ledger_balance_held CHECK (held >= 0),
    asset_id   integer NOT NULL,
    PRIMARY KEY (account_id, asset_id)
) WITH (fillfactor = 45);

-- A hold reserves amounts on one or several accounts together: all of it, or none.
CREATE TABLE ledger_hold (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key            text        NOT NULL UNIQUE CHECK (key <> ''),
    content_digest text        NOT NULL,
    reason         text        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('open', 'refused', 'captured', 'released', 'expired')),
    refusal        jsonb,
    opened_at      timestamptz NOT NULL,
    expires_at     timestamptz CHECK (expires_at > opened_at),
    closed_at      timestamptz,
    capture_tx     bigint      UNIQUE REFERENCES ledger_transaction,
    CHECK ((state = 'refused') = (refusal IS NOT NULL)),
    CHECK ((state = 'open') = (closed_at IS NULL)),
    CHECK ((state = 'captured') = (capture_tx IS NOT NULL))
);

CREATE INDEX ledger_hold_expiry ON ledger_hold (expires_at) WHERE state = 'open';

CREATE TABLE ledger_hold_line (
    hold_id    bigint  NOT NULL REFERENCES ledger_hold,
    line       integer NOT NULL CHECK (line > 0),
    account_id bigint  NOT NULL,
    asset_id   integer NOT NULL REFERENCES ledger_asset,
    amount     bigint  NOT NULL CHECK (amount > 0),
    PRIMARY KEY (hold_id, line)
);
