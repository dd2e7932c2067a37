-- When the last good backup was made; NULL: never. A backup has its own
-- instant here, so that a file says of what moment it is.
ALTER TABLE instance ADD COLUMN backed_up_at TEXT CHECK (length(backed_up_at) = 20);
