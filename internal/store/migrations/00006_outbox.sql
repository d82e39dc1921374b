-- Notices on their way to another system. Each is written together with what it tells of, and stands here until it is
-- delivered or given up.
CREATE TABLE outbox (
    id   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at   BIGINT NOT NULL,
    -- When it is tried next.
    due  BIGINT NOT NULL,
    -- The JSON that is sent, the same each time.
    body TEXT NOT NULL
);
CREATE INDEX outbox_due ON outbox (due, id);

-- When the tenant's numbers were last compared with the inventory after a sync, and how many findings there were; 0 and
-- null for never.
ALTER TABLE syncs ADD COLUMN audited_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE syncs ADD COLUMN findings BIGINT;
