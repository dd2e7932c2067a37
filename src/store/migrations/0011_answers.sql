-- Answers are apart from people: a slip says who answered which question and
-- points to the answer. Seven days after the first save the slip of an answer
-- that others may read is cut loose. And what links and erasing need.

-- ---- answers ----

-- Who answered, and where to find it; the only way from a person to an answer.
CREATE TABLE answer_slip (
    enrolment_id INTEGER NOT NULL REFERENCES enrolment (id),
    step         TEXT    NOT NULL,
    -- of a step that is answered as a whole: 'done', and 'note' for its text
    question     TEXT    NOT NULL,
    -- NULL: sealed, it cannot be found any more
    answer_id    BLOB    CHECK (length(answer_id) = 16),
    -- the first save
    saved_at     TEXT    NOT NULL CHECK (length(saved_at) = 20),
    -- 9999-12-31T23:59:59Z: never, because only the person or the unit reads it,
    -- or because it says no more than that the person will do it
    seals_at     TEXT    NOT NULL CHECK (length(seals_at) = 20),
    PRIMARY KEY (enrolment_id, step, question)
) STRICT, WITHOUT ROWID;

CREATE INDEX answer_slip_to_seal ON answer_slip (seals_at) WHERE answer_id IS NOT NULL;

-- Scale, choice and done. The key is random and there is no row number, so the
-- order of the rows says nothing about the order of answering.
CREATE TABLE counted_answer (
    id         BLOB    PRIMARY KEY CHECK (length(id) = 16),
    journey    TEXT    NOT NULL,
    step       TEXT    NOT NULL,
    question   TEXT    NOT NULL,
    -- the number of a scale, the place of an option from 1;
    -- done 1, will do 2, not for me 3
    value      INTEGER NOT NULL,
    -- 2027-W05, nothing finer
    week       TEXT    NOT NULL CHECK (length(week) = 8),
    -- as at saving; NULL: not known, or too few to be shown
    unit       TEXT,
    department TEXT,
    character  TEXT,
    block      INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX counted_answer_of_step ON counted_answer (journey, step, question);

CREATE TABLE written_answer (
    id       BLOB PRIMARY KEY CHECK (length(id) = 16),
    journey  TEXT NOT NULL,
    step     TEXT NOT NULL,
    question TEXT NOT NULL,
    read_by  TEXT NOT NULL CHECK (read_by = 'me' OR read_by = 'programme' OR read_by = 'unit'),
    text     TEXT NOT NULL,
    week     TEXT NOT NULL CHECK (length(week) = 8),
    unit     TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX written_answer_of_step ON written_answer (journey, step, question);

-- The last answer to each question. SQL does not know the content: a number is
-- counted, done is counted as 1, everything else is a text that only its writer
-- reads. Unit, department and character at the time are not known.
CREATE TABLE response_new AS
WITH asked AS (
    SELECT response.id, enrolment_id, journey, step, coalesce(question, 'done') AS question, answer, at
    FROM response JOIN enrolment ON enrolment.id = response.enrolment_id
),
last AS (
    SELECT max(id) AS id, min(at) AS saved_at FROM asked GROUP BY enrolment_id, step, question
)
SELECT enrolment_id, journey, step, question, answer, saved_at, strftime('%G-W%V', saved_at) AS week,
       randomblob(16) AS answer_id,
       CASE WHEN answer = 'done' THEN 1
            WHEN length(answer) < 10 AND answer = CAST(CAST(answer AS INTEGER) AS TEXT)
            THEN CAST(answer AS INTEGER) END AS value
FROM last JOIN asked USING (id);

INSERT INTO answer_slip (enrolment_id, step, question, answer_id, saved_at, seals_at)
SELECT enrolment_id, step, question, answer_id, saved_at,
       CASE WHEN value IS NULL THEN '9999-12-31T23:59:59Z'
            ELSE strftime('%Y-%m-%dT%H:%M:%SZ', saved_at, '+7 days') END
FROM response_new;

INSERT INTO counted_answer (id, journey, step, question, value, week)
SELECT answer_id, journey, step, question, value, week FROM response_new WHERE value IS NOT NULL;

INSERT INTO written_answer (id, journey, step, question, read_by, text, week)
SELECT answer_id, journey, step, question, 'me', answer, week FROM response_new WHERE value IS NULL;

DROP TABLE response_new;
DROP TABLE response;

-- ---- events ----

CREATE TABLE event_new (
    id           INTEGER PRIMARY KEY,
    enrolment_id INTEGER NOT NULL REFERENCES enrolment (id),
    at           TEXT    NOT NULL CHECK (length(at) = 20),
    step         TEXT    NOT NULL,
    what         TEXT    NOT NULL
                 CHECK (what = 'mailed' OR what = 'skipped' OR what = 'answered' OR what = 'withdrawn'),
    -- of a mail: 0, and 1… for reminders
    round        INTEGER CHECK (round >= 0),
    -- of a mail: the slot it was meant for
    slot_at      TEXT    CHECK (length(slot_at) = 20),
    CHECK ((what = 'mailed') = (round IS NOT NULL)),
    CHECK ((what = 'mailed') = (slot_at IS NOT NULL))
) STRICT;

INSERT INTO event_new (id, enrolment_id, at, step, what, round, slot_at)
SELECT id, enrolment_id, at, step, what, round, slot_at FROM event;

DROP TABLE event;
ALTER TABLE event_new RENAME TO event;

CREATE INDEX event_of_enrolment ON event (enrolment_id, id);
CREATE UNIQUE INDEX event_mailed_once ON event (enrolment_id, step, round) WHERE what = 'mailed';
CREATE UNIQUE INDEX event_skipped_once ON event (enrolment_id, step) WHERE what = 'skipped';

-- ---- links ----

-- Links with another epoch are revoked.
ALTER TABLE person ADD COLUMN link_epoch INTEGER NOT NULL DEFAULT 0 CHECK (link_epoch >= 0 AND link_epoch <= 255);
-- what they chose on a page; NULL: as in the people file
ALTER TABLE person ADD COLUMN own_language TEXT;

-- The keys of links come from it; NULL: from `secret`. The one before it only
-- finds out whose mailbox gets a new link.
ALTER TABLE instance ADD COLUMN link_secret BLOB CHECK (length(link_secret) = 32);
ALTER TABLE instance ADD COLUMN former_link_secret BLOB CHECK (length(former_link_secret) = 32);

-- the day on which answers whose time is over were last deleted
ALTER TABLE instance ADD COLUMN retention_on TEXT CHECK (length(retention_on) = 10);

-- 1: a mail of purpose `access` with a link to everything that is stored about the person;
-- 0: with new links to a step
ALTER TABLE delivery ADD COLUMN own_data INTEGER NOT NULL DEFAULT 0
      CHECK (own_data = 0 OR (own_data = 1 AND purpose = 'access'));

-- ---- erasing ----

-- The run that may delete events and audit lines; NULL outside its transaction.
ALTER TABLE instance ADD COLUMN erasing TEXT;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT raise(ABORT, 'an event is never changed'); END;

CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
WHEN (SELECT erasing FROM instance) IS NULL
BEGIN SELECT raise(ABORT, 'an event is never deleted'); END;

DROP TRIGGER audit_is_never_changed;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
WHEN (SELECT erasing FROM instance) IS NULL
BEGIN SELECT raise(ABORT, 'the audit log is never changed'); END;

DROP TRIGGER audit_is_never_deleted;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
WHEN (SELECT erasing FROM instance) IS NULL
BEGIN SELECT raise(ABORT, 'the audit log is never deleted'); END;

-- People who are forgotten: a keyed hash of the employee id, so that no people
-- file brings them back.
CREATE TABLE tombstone (
    key BLOB PRIMARY KEY CHECK (length(key) = 32),
    at  TEXT NOT NULL CHECK (length(at) = 20)
) STRICT, WITHOUT ROWID;
