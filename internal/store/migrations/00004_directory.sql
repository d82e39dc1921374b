-- Rounds of a sync, users whom Microsoft no longer has, and lists of one site among many users.

-- One row for each tenant that was ever synced.
CREATE TABLE syncs (
    tenant    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- Counts the rounds; only the newest one may write.
    round     BIGINT NOT NULL,
    -- The run whose round it is and when it was last heard of; '' once the round has ended.
    run_id    TEXT COLLATE "C" NOT NULL,
    heard_at  BIGINT NOT NULL,
    -- Whether the newest round reads everybody, so that whom it does not see is gone.
    reads_all BOOLEAN NOT NULL,
    -- Microsoft's link to what changes from here on. '' while a round that reads everybody has not ended.
    link      TEXT NOT NULL,
    -- The filter that the round lets users in by; another one needs everybody to be read again.
    filter    TEXT NOT NULL
);

-- Users who are gone and are not removed yet, because they are many or have a run.
CREATE TABLE removals (
    tenant        TEXT COLLATE "C" NOT NULL,
    subscriber_id TEXT COLLATE "C" NOT NULL,
    -- deleted: Entra says so; unseen: a round that read everybody did not meet them; filtered: the filter leaves them out.
    because       TEXT COLLATE "C" NOT NULL CHECK (because IN ('deleted', 'unseen', 'filtered')),
    -- The round that noticed it. Whoever approves decides about what was noticed up to a round.
    round         BIGINT NOT NULL,
    PRIMARY KEY (tenant, subscriber_id),
    FOREIGN KEY (tenant, subscriber_id) REFERENCES subscribers (tenant, id) ON DELETE CASCADE
);

-- The newest round that met the user.
ALTER TABLE subscribers ADD COLUMN seen BIGINT NOT NULL DEFAULT 0;
-- The person as they were when they were offboarded (R117); '' unless offboarded_at is set.
ALTER TABLE subscribers ADD COLUMN offboarded_as TEXT NOT NULL DEFAULT '';
UPDATE subscribers SET offboarded_as = person WHERE offboarded_at IS NOT NULL;

-- In the order of lists, so that a page of one site costs the page and not the site nor the tenant.
DROP INDEX subscribers_node;
DROP INDEX subscribers_upn;
CREATE INDEX subscribers_node ON subscribers (node, upn_lower, tenant, id);
CREATE INDEX subscribers_upn ON subscribers (upn_lower, tenant, id);
