-- The whole life of a number: reservations for a user that end, moves, facts that Teams knows, and what is due.

-- The activation state in Teams, as Microsoft spells it.
ALTER TABLE numbers ADD COLUMN activation TEXT COLLATE "C" NOT NULL DEFAULT '';
-- When reserved_for ends. It is not reserved_until, which ends the state Reserved: the two are independent (R87, R88).
ALTER TABLE numbers ADD COLUMN reserved_for_until BIGINT CHECK (reserved_for_until IS NULL OR reserved_for <> '');
-- What the event alone does not say: "from acme/contoso to acme/contoso/london".
ALTER TABLE number_history ADD COLUMN detail TEXT NOT NULL DEFAULT '';

-- What ends by itself, earliest first, so that an expiry reads no more than it ends. The conditions are those of the
-- statements in expiry.go to the letter.
DROP INDEX numbers_cooling;
DROP INDEX numbers_reserved;
CREATE INDEX numbers_cooling ON numbers (cooling_until) WHERE state = 'cooling' AND held_by = '';
CREATE INDEX numbers_reserved ON numbers (reserved_until) WHERE state = 'reserved' AND held_by = '' AND reserved_until IS NOT NULL;
CREATE INDEX numbers_reserved_for_until ON numbers (reserved_for_until) WHERE held_by = '' AND reserved_for_until IS NOT NULL;

-- Lists that are filtered by one thing, in the order of the list, so that a page reads no more than it shows.
DROP INDEX numbers_user;
CREATE INDEX numbers_user ON numbers (tenant, user_id, number) WHERE user_id <> '';
CREATE INDEX numbers_at ON numbers (tenant, node, number);
CREATE INDEX numbers_state ON numbers (tenant, state, number);
