-- Numbers that onboarding claims.

-- The user whom a committed run gives the number that it holds; it excludes a release.
ALTER TABLE numbers ADD COLUMN next_user TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (next_user = '' OR (held_by <> '' AND next_state = ''));

-- What "next available" may take, lowest first at each node: of any type, and of one. The condition is that of the
-- statement to the letter (freeForAll in claims.go).
CREATE INDEX numbers_next ON numbers (tenant, node, state, number) WHERE state = 'available' AND vendor = 'Microsoft' AND held_by = '' AND reserved_for = '';
CREATE INDEX numbers_next_type ON numbers (tenant, node, type, number) WHERE state = 'available' AND vendor = 'Microsoft' AND held_by = '' AND reserved_for = '';
CREATE INDEX numbers_reserved_for ON numbers (tenant, reserved_for) WHERE reserved_for <> '';
