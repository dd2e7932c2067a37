-- From "booked" to "in the relay's hands": what each delivery went through,
-- the bytes of mails on their way, and what tells a restored copy from the
-- database that sent.

-- How often nobody knew whether it left.
ALTER TABLE delivery ADD COLUMN doubts INTEGER NOT NULL DEFAULT 0 CHECK (doubts >= 0);
-- Not tried again before; of what is put off, or in doubt.
ALTER TABLE delivery ADD COLUMN next_attempt_at TEXT
    CHECK (next_attempt_at IS NULL OR length(next_attempt_at) = 20)
    CHECK ((state IN ('deferred', 'in_doubt')) = (next_attempt_at IS NOT NULL));
-- The last instant at which it may leave, if its step has one.
ALTER TABLE delivery ADD COLUMN expires_at TEXT CHECK (expires_at IS NULL OR length(expires_at) = 20);
-- Of the bytes that were handed over, when they are gone.
ALTER TABLE delivery ADD COLUMN sha256 BLOB CHECK (sha256 IS NULL OR length(sha256) = 32);

-- The first few of a mailing: one step, booked by one pass.
CREATE INDEX delivery_of_mailing ON delivery (step, booked_at);

CREATE TRIGGER delivery_never_moves_back BEFORE UPDATE OF state ON delivery
WHEN OLD.settled_at IS NOT NULL
BEGIN SELECT raise(ABORT, 'what is settled stays so'); END;

-- A mail as it was, or is about to be, handed over: every copy is the same to
-- the last byte. Written before its first byte leaves, deleted a week after
-- it is known what became of it.
CREATE TABLE mail_bytes (
    delivery_id INTEGER PRIMARY KEY REFERENCES delivery (id),
    bytes       BLOB NOT NULL
) STRICT;

-- On which machine and in which folder this database sends.
ALTER TABLE instance ADD COLUMN fence TEXT;
-- The latest time the sender saw; a clock that shows less is wrong.
ALTER TABLE instance ADD COLUMN clock_at TEXT CHECK (clock_at IS NULL OR length(clock_at) = 20);
-- How much of the send journal is known here.
ALTER TABLE instance ADD COLUMN journal_read INTEGER NOT NULL DEFAULT 0 CHECK (journal_read >= 0);

-- What the send journal says was sent, and this database has no row of: it
-- was restored from a copy made before. Booked again, it counts as sent.
CREATE TABLE sent_before (
    message_id TEXT    PRIMARY KEY,
    number     INTEGER NOT NULL,
    at         TEXT    NOT NULL CHECK (length(at) = 20),
    reply      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- How the relay is: one row, from the first time it was spoken to.
CREATE TABLE relay (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    -- the last mail it took
    success_at TEXT    CHECK (length(success_at) = 20),
    -- what is the matter with it, since when, how often in a row, and when it
    -- is tried again; all NULL: nothing
    trouble    TEXT,
    since_at   TEXT    CHECK (length(since_at) = 20),
    failures   INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    retry_at   TEXT    CHECK (length(retry_at) = 20),
    CHECK ((trouble IS NULL) = (since_at IS NULL) AND (trouble IS NULL) = (retry_at IS NULL))
) STRICT;

-- What keeps this database from sending until somebody has looked.
CREATE TABLE guard (
    id          INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('other_installation', 'restored', 'clock', 'outage')),
    at          TEXT NOT NULL CHECK (length(at) = 20),
    message     TEXT NOT NULL,
    released_at TEXT CHECK (length(released_at) = 20)
) STRICT;

CREATE UNIQUE INDEX guard_once ON guard (kind) WHERE released_at IS NULL;
