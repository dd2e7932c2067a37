-- Mails of a kind are alike but for a name and a few links, so their bytes are
-- kept as what differs from a pattern.

-- The mail of a kind to nobody; there while some mail's bytes need it.
CREATE TABLE mail_pattern (
    id     INTEGER PRIMARY KEY,
    sha256 BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),
    bytes  BLOB    NOT NULL
) STRICT;

-- Of which pattern the bytes are what differs from it; NULL: they are whole.
ALTER TABLE mail_bytes ADD COLUMN pattern_id INTEGER REFERENCES mail_pattern (id);
