-- The first schema. It is written once for both engines: COLLATE "C" is read as COLLATE BINARY by SQLite (migrate.go),
-- so that text sorts by its bytes everywhere and a prefix of a node path is a range of an index.
-- Times are microseconds since 1970-01-01 UTC. '' stands for "none" in text columns.

CREATE TABLE subscribers (
    tenant        TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    upn           TEXT COLLATE "C" NOT NULL,
    upn_lower     TEXT COLLATE "C" NOT NULL,
    display_name  TEXT COLLATE "C" NOT NULL,
    guest         BOOLEAN NOT NULL,
    enabled       BOOLEAN NOT NULL,
    -- The whole lifecycle.Person, for placement rules and expressions.
    person        TEXT NOT NULL,
    node          TEXT COLLATE "C" NOT NULL,
    role          TEXT COLLATE "C" NOT NULL,
    -- Set by a committed offboarding; a placement rule must not catch such a subscriber again (R117).
    offboarded_at BIGINT,
    added_at      BIGINT NOT NULL,
    changed_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
-- Not unique: while names are swapped in the directory, two pages of a sync may show the same one.
CREATE INDEX subscribers_upn ON subscribers (upn_lower);
CREATE INDEX subscribers_node ON subscribers (tenant, node);

CREATE TABLE services (
    tenant        TEXT COLLATE "C" NOT NULL,
    subscriber_id TEXT COLLATE "C" NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL CHECK (kind IN ('m365', 'teams', 'mailbox')),
    node          TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, subscriber_id, kind),
    FOREIGN KEY (tenant, subscriber_id) REFERENCES subscribers (tenant, id) ON DELETE CASCADE
);

CREATE TABLE operations (
    run_id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    workflow_id   TEXT COLLATE "C" NOT NULL,
    tenant        TEXT COLLATE "C" NOT NULL,
    subscriber_id TEXT COLLATE "C" NOT NULL,
    upn           TEXT COLLATE "C" NOT NULL,
    upn_lower     TEXT COLLATE "C" NOT NULL,
    operation     TEXT COLLATE "C" NOT NULL,
    request_id    TEXT COLLATE "C" NOT NULL,
    requested_by  TEXT NOT NULL,
    reason        TEXT NOT NULL,
    node          TEXT COLLATE "C" NOT NULL,
    status        TEXT COLLATE "C" NOT NULL CHECK (status IN ('running', 'held', 'completed', 'rolled_back', 'cancelled', 'failed')),
    started_at    BIGINT NOT NULL,
    closed_at     BIGINT,
    request       TEXT NOT NULL,
    report        TEXT NOT NULL DEFAULT '',
    -- Why a run ended otherwise than by its own report.
    note          TEXT NOT NULL DEFAULT '',
    taken_over_by TEXT COLLATE "C" NOT NULL DEFAULT '',
    active        BOOLEAN NOT NULL
);
-- One operation per subscriber at a time; one run per request id, the dead ones aside.
CREATE UNIQUE INDEX operations_active ON operations (tenant, subscriber_id) WHERE active;
CREATE UNIQUE INDEX operations_request ON operations (request_id) WHERE request_id <> '' AND taken_over_by = '';
CREATE INDEX operations_started ON operations (started_at, run_id);
CREATE INDEX operations_subscriber ON operations (tenant, subscriber_id, started_at);
CREATE INDEX operations_workflow ON operations (workflow_id);
CREATE INDEX operations_upn ON operations (upn_lower);

CREATE TABLE numbers (
    tenant             TEXT COLLATE "C" NOT NULL,
    number             TEXT COLLATE "C" NOT NULL,
    node               TEXT COLLATE "C" NOT NULL,
    state              TEXT COLLATE "C" NOT NULL CHECK (state IN ('available', 'used', 'reserved', 'cooling')),
    type               TEXT COLLATE "C" NOT NULL,
    vendor             TEXT COLLATE "C" NOT NULL,
    user_id            TEXT COLLATE "C" NOT NULL DEFAULT '',
    cooling_until      BIGINT,
    -- Independent of the state; survives the release and the subscriber (R88).
    reserved_for       TEXT COLLATE "C" NOT NULL DEFAULT '',
    reserved_until     BIGINT,
    notes              TEXT NOT NULL DEFAULT '',
    description        TEXT NOT NULL DEFAULT '',
    -- A JSON object of free fields, kept on release (R93).
    extra              TEXT NOT NULL DEFAULT '{}',
    -- The run that holds the number, and the release that it has recorded for its commit.
    held_by            TEXT COLLATE "C" NOT NULL DEFAULT '',
    held_at            BIGINT,
    next_state         TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (next_state IN ('', 'available', 'cooling')),
    next_cooling_until BIGINT,
    -- Counts the transitions of the number; the key of its history and the guard of every update.
    version            BIGINT NOT NULL,
    added_at           BIGINT NOT NULL,
    changed_at         BIGINT NOT NULL,
    PRIMARY KEY (tenant, number),
    CHECK ((state = 'used') = (user_id <> '')),
    CHECK ((state = 'cooling') = (cooling_until IS NOT NULL)),
    CHECK (held_by <> '' OR next_state = '')
);
CREATE INDEX numbers_node ON numbers (tenant, node, state, number);
-- Statements repeat the condition of a partial index: no engine infers it from a parameter.
CREATE INDEX numbers_user ON numbers (tenant, user_id) WHERE user_id <> '';
CREATE INDEX numbers_held ON numbers (held_by) WHERE held_by <> '';
CREATE INDEX numbers_cooling ON numbers (cooling_until) WHERE state = 'cooling';
CREATE INDEX numbers_reserved ON numbers (reserved_until) WHERE state = 'reserved';

-- No foreign key: the history of a number outlives its row.
CREATE TABLE number_history (
    tenant     TEXT COLLATE "C" NOT NULL,
    number     TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    event      TEXT COLLATE "C" NOT NULL,
    from_state TEXT COLLATE "C" NOT NULL,
    to_state   TEXT COLLATE "C" NOT NULL,
    run_id     TEXT COLLATE "C" NOT NULL,
    by_whom    TEXT NOT NULL,
    user_id    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, number, version)
);

CREATE TABLE catalog_revisions (
    revision   BIGINT NOT NULL PRIMARY KEY,
    digest     TEXT COLLATE "C" NOT NULL,
    text       TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    applied_by TEXT NOT NULL,
    reason     TEXT NOT NULL
);

CREATE TABLE audit (
    seq           BIGINT NOT NULL PRIMARY KEY,
    at            BIGINT NOT NULL,
    by_whom       TEXT COLLATE "C" NOT NULL,
    operation     TEXT COLLATE "C" NOT NULL,
    tenant        TEXT COLLATE "C" NOT NULL,
    subscriber_id TEXT COLLATE "C" NOT NULL,
    upn           TEXT COLLATE "C" NOT NULL,
    run_id        TEXT COLLATE "C" NOT NULL,
    reason        TEXT NOT NULL,
    outcome       TEXT COLLATE "C" NOT NULL,
    detail        TEXT NOT NULL,
    previous      TEXT COLLATE "C" NOT NULL,
    hash          TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_subscriber ON audit (tenant, subscriber_id, seq);
CREATE INDEX audit_run ON audit (run_id);

-- The last link of each chain. Whoever appends locks its row, so that no chain ever forks.
CREATE TABLE heads (
    name   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    seq    BIGINT NOT NULL,
    digest TEXT COLLATE "C" NOT NULL
);
INSERT INTO heads (name, seq, digest) VALUES ('audit', 0, ''), ('catalog', 0, '');
