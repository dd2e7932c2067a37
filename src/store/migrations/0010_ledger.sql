-- One row per delivery that is written twice, when it is enqueued and at its
-- outcome. What a worker is sending is a row of the worker.

-- ---- deliveries and mails in flight ----

-- The mail that a worker is about to send, or sends, and of which there is no
-- outcome yet; replaced with each mail. So a crash repeats at most one mail of
-- each worker.
CREATE TABLE in_flight_base (
    id    INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE in_flight (
    worker      INTEGER PRIMARY KEY,
    delivery_id INTEGER NOT NULL REFERENCES delivery (id),
    -- of the message
    sha256      BLOB    NOT NULL CHECK (length(sha256) = 32),
    -- compressed against this message; NULL: not compressed
    base_id     INTEGER REFERENCES in_flight_base (id),
    bytes       BLOB    NOT NULL
) STRICT;

-- What an earlier program was sending when it ended. The next start of the
-- sender moves it to in doubt, as after any crash.
INSERT INTO in_flight_base (id, bytes)
SELECT id, bytes FROM mail_pattern
WHERE id IN (SELECT pattern_id FROM mail_bytes
             WHERE delivery_id IN (SELECT id FROM delivery WHERE state = 'in_flight'));

INSERT INTO in_flight (worker, delivery_id, sha256, base_id, bytes)
SELECT row_number() OVER (ORDER BY delivery.id) - 1, delivery.id, coalesce(delivery.sha256, zeroblob(32)),
       mail_bytes.pattern_id, coalesce(mail_bytes.bytes, x'')
FROM delivery
LEFT JOIN mail_bytes ON mail_bytes.delivery_id = delivery.id
WHERE delivery.state = 'in_flight';

-- Messages that may have arrived, for the next attempt.
CREATE TABLE mail_bytes_new (
    delivery_id INTEGER PRIMARY KEY REFERENCES delivery (id),
    sha256      BLOB    NOT NULL CHECK (length(sha256) = 32),
    bytes       BLOB    NOT NULL,
    -- compressed against this message by an earlier version; NULL: not compressed
    base        BLOB
) STRICT;

INSERT INTO mail_bytes_new (delivery_id, sha256, bytes, base)
SELECT mail_bytes.delivery_id, coalesce(delivery.sha256, zeroblob(32)), mail_bytes.bytes, mail_pattern.bytes
FROM mail_bytes
JOIN delivery ON delivery.id = mail_bytes.delivery_id
LEFT JOIN mail_pattern ON mail_pattern.id = mail_bytes.pattern_id
WHERE delivery.settled_at IS NULL AND delivery.doubts > 0;

DROP TABLE mail_bytes;
DROP TABLE mail_pattern;
ALTER TABLE mail_bytes_new RENAME TO mail_bytes;

-- SQLite builds the list of an IN anew for each statement, so the checks
-- compare with each state.
CREATE TABLE delivery_new (
    id           INTEGER PRIMARY KEY,
    enrolment_id INTEGER NOT NULL REFERENCES enrolment (id),
    purpose      TEXT    NOT NULL DEFAULT 'step'
                 CHECK (purpose = 'step' OR purpose = 'briefing' OR purpose = 'access'),
    step         TEXT    NOT NULL,
    round        INTEGER NOT NULL CHECK (round >= 0),
    state        TEXT    NOT NULL
                 CHECK (state = 'due' OR state = 'sent' OR state = 'deferred' OR state = 'in_doubt'
                        OR state = 'rejected' OR state = 'held' OR state = 'expired'
                        OR state = 'cancelled' OR state = 'planned'),
    slot_at      TEXT    NOT NULL CHECK (length(slot_at) = 20),
    -- the pass that enqueued it: the Date of the mail
    booked_at    TEXT    NOT NULL CHECK (length(booked_at) = 20),
    -- hash of the step's content it was enqueued from
    content      TEXT    NOT NULL,
    message_id   TEXT    NOT NULL UNIQUE,
    attempts     INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- how often it was not known whether it left
    doubts       INTEGER NOT NULL DEFAULT 0 CHECK (doubts >= 0),
    -- what the relay, or the file, said
    reply        TEXT,
    -- not tried again before
    next_attempt_at TEXT CHECK (length(next_attempt_at) = 20),
    -- the last instant at which it may leave, if its step has one
    expires_at   TEXT    CHECK (length(expires_at) = 20),
    settled_at   TEXT    CHECK (length(settled_at) = 20),
    CHECK ((state = 'deferred' OR state = 'in_doubt') = (next_attempt_at IS NOT NULL)),
    CHECK ((state = 'sent' OR state = 'rejected' OR state = 'expired' OR state = 'cancelled')
           = (settled_at IS NOT NULL))
) STRICT;

INSERT INTO delivery_new (id, enrolment_id, step, round, state, slot_at, booked_at, content, message_id,
                          attempts, doubts, reply, next_attempt_at, expires_at, settled_at)
SELECT id, enrolment_id, step, round,
       CASE WHEN state = 'claimed' OR state = 'in_flight' THEN 'due' ELSE state END,
       slot_at, booked_at, content, message_id, attempts, doubts, reply, next_attempt_at, expires_at,
       settled_at
FROM delivery;

DROP TABLE delivery;
ALTER TABLE delivery_new RENAME TO delivery;

-- A step is sent once to each enrolment and round.
CREATE UNIQUE INDEX delivery_of_step ON delivery (enrolment_id, step, round) WHERE purpose = 'step';

CREATE INDEX delivery_not_settled ON delivery (id) WHERE settled_at IS NULL;

-- The first few of a mailing: one step, enqueued by one pass.
CREATE INDEX delivery_of_mailing ON delivery (step, booked_at);

CREATE TRIGGER delivery_never_moves_back BEFORE UPDATE OF state ON delivery
WHEN OLD.settled_at IS NOT NULL
BEGIN SELECT raise(ABORT, 'what is settled stays so'); END;

CREATE TRIGGER delivery_settled_after_doubt AFTER UPDATE OF state ON delivery
WHEN NEW.settled_at IS NOT NULL AND NEW.doubts > 0
BEGIN DELETE FROM mail_bytes WHERE delivery_id = NEW.id; END;

ALTER TABLE instance DROP COLUMN epoch;

-- Who must be decided again, so that a pass reads only the people who may have
-- something due.

-- Grows with each change that concerns decisions about people; and its value at
-- the last change of a setting (hold, pause, approval, unit, stop).
ALTER TABLE instance ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instance ADD COLUMN settings_revision INTEGER NOT NULL DEFAULT 0;

-- When everyone was last marked.
ALTER TABLE instance ADD COLUMN decided_at TEXT CHECK (decided_at IS NULL OR length(decided_at) = 20);
-- when the whole file was last checked for damage
ALTER TABLE instance ADD COLUMN checked_at TEXT CHECK (checked_at IS NULL OR length(checked_at) = 20);

-- People whose stored positions are out of date, with the revision of the last
-- change that concerns them. The pass that decides for them deletes the row.
CREATE TABLE undecided (
    person_id INTEGER PRIMARY KEY REFERENCES person (id),
    revision  INTEGER NOT NULL
) STRICT;

-- When the reference group lets a step go to everyone, as of the last pass:
-- 'open', 'closed' or a time. A change concerns those who come to the step next.
CREATE TABLE gate (
    journey TEXT NOT NULL,
    step    TEXT NOT NULL,
    state   TEXT NOT NULL,
    PRIMARY KEY (journey, step)
) STRICT, WITHOUT ROWID;

-- A hash of the verdict: enrolments with the same number stand alike. Its last
-- two bits are the kind: 0 due, 1 waiting, 2 held, 3 ended. NULL: not known.
ALTER TABLE position ADD COLUMN verdict INTEGER;

-- All positions are computed again, with their verdicts.
UPDATE instance SET decided_with = NULL;

CREATE INDEX position_of_journey ON position (journey, next_step);
-- those who wait for their first mail
CREATE INDEX position_not_begun ON position (journey) WHERE last_step IS NULL;
CREATE INDEX position_not_rendered ON position (person_id) WHERE why = 'bad_content';
