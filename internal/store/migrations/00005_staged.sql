-- +goose Up
-- A run that waits until Teams knows its user is staged. The table is made anew because SQLite cannot change a check.
CREATE TABLE operations_anew (
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
    status        TEXT COLLATE "C" NOT NULL CHECK (status IN ('running', 'staged', 'held', 'completed', 'rolled_back', 'cancelled', 'failed')),
    started_at    BIGINT NOT NULL,
    closed_at     BIGINT,
    request       TEXT NOT NULL,
    report        TEXT NOT NULL DEFAULT '',
    -- Why a run ended otherwise than by its own report.
    note          TEXT NOT NULL DEFAULT '',
    taken_over_by TEXT COLLATE "C" NOT NULL DEFAULT '',
    active        BOOLEAN NOT NULL
);
INSERT INTO operations_anew (run_id, workflow_id, tenant, subscriber_id, upn, upn_lower, operation, request_id, requested_by, reason, node, status,
    started_at, closed_at, request, report, note, taken_over_by, active)
SELECT run_id, workflow_id, tenant, subscriber_id, upn, upn_lower, operation, request_id, requested_by, reason, node, status,
    started_at, closed_at, request, report, note, taken_over_by, active FROM operations;
DROP TABLE operations;
ALTER TABLE operations_anew RENAME TO operations;
CREATE UNIQUE INDEX operations_active ON operations (tenant, subscriber_id) WHERE active;
CREATE UNIQUE INDEX operations_request ON operations (request_id) WHERE request_id <> '' AND taken_over_by = '';
CREATE INDEX operations_started ON operations (started_at, run_id);
CREATE INDEX operations_subscriber ON operations (tenant, subscriber_id, started_at);
CREATE INDEX operations_workflow ON operations (workflow_id);
CREATE INDEX operations_upn ON operations (upn_lower);
