-- What the migrations make of an empty file; written by a test (`UPDATE_EXPECT=1 cargo test --lib store`).
-- To change it, add a migration.

CREATE TABLE migration (
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    at     TEXT NOT NULL CHECK (length(at) = 20)
) STRICT;

CREATE TABLE instance (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    made_at       TEXT    NOT NULL CHECK (length(made_at) = 20),
    -- the key of Message-IDs and links, drawn once
    secret        BLOB    NOT NULL CHECK (length(secret) = 32),
    -- the last import of people; NULL before the first
    imported_at   TEXT    CHECK (length(imported_at) = 20),
    -- how many runs of the sender there were
    decided_with  TEXT
, fence TEXT, clock_at TEXT CHECK (clock_at IS NULL OR length(clock_at) = 20), journal_read INTEGER NOT NULL DEFAULT 0 CHECK (journal_read >= 0), backed_up_at TEXT CHECK (length(backed_up_at) = 20), unparsed INTEGER NOT NULL DEFAULT 0 CHECK (unparsed >= 0), revision INTEGER NOT NULL DEFAULT 0, settings_revision INTEGER NOT NULL DEFAULT 0, decided_at TEXT CHECK (decided_at IS NULL OR length(decided_at) = 20), checked_at TEXT CHECK (checked_at IS NULL OR length(checked_at) = 20), link_secret BLOB CHECK (length(link_secret) = 32), former_link_secret BLOB CHECK (length(former_link_secret) = 32), retention_on TEXT CHECK (length(retention_on) = 10), erasing TEXT) STRICT;

CREATE TABLE content (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    hash     TEXT    NOT NULL,
    taken_at TEXT    NOT NULL CHECK (length(taken_at) = 20)
) STRICT;

CREATE TABLE content_file (
    path  TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE unit (
    id         INTEGER PRIMARY KEY,
    code       TEXT    NOT NULL UNIQUE CHECK (code <> ''),
    name       TEXT    NOT NULL,
    -- who most of its people name
    manager_id INTEGER REFERENCES person (id)
) STRICT;

CREATE TABLE person (
    id             INTEGER PRIMARY KEY,
    employee_id    TEXT    NOT NULL UNIQUE CHECK (employee_id <> ''),
    email          TEXT,
    shared_address INTEGER NOT NULL CHECK (shared_address IN (0, 1)),
    first_name     TEXT    NOT NULL,
    last_name      TEXT    NOT NULL,
    unit_id        INTEGER NOT NULL REFERENCES unit (id),
    department     TEXT,
    language       TEXT    NOT NULL,
    start_date     TEXT    CHECK (length(start_date) = 10),
    end_date       TEXT    CHECK (length(end_date) = 10),
    -- as in the people file: 2027-01-04/2027-02-26 2027-05-10/2027-05-21
    leave          TEXT    NOT NULL DEFAULT '',
    protected      INTEGER NOT NULL CHECK (protected IN (0, 1)),
    -- what they chose; NULL: the programme's default
    character      TEXT,
    joined_at      TEXT    NOT NULL CHECK (length(joined_at) = 20),
    -- the import that no longer had them
    left_at        TEXT    CHECK (length(left_at) = 20)
, undeliverable TEXT, address_at TEXT CHECK (length(address_at) = 20), second_employment INTEGER NOT NULL DEFAULT 0 CHECK (second_employment IN (0, 1)), link_epoch INTEGER NOT NULL DEFAULT 0 CHECK (link_epoch >= 0 AND link_epoch <= 255), own_language TEXT) STRICT;

CREATE INDEX person_of_unit ON person (unit_id);

CREATE INDEX person_who_left ON person (id) WHERE left_at IS NOT NULL;

CREATE INDEX person_of_email ON person (email) WHERE email IS NOT NULL;

CREATE TABLE person_extra (
    person_id INTEGER NOT NULL REFERENCES person (id),
    -- the order in which config.toml names them
    rank      INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    value     TEXT    NOT NULL,
    PRIMARY KEY (person_id, rank)
) STRICT, WITHOUT ROWID;

CREATE TABLE enrolment (
    id         INTEGER PRIMARY KEY,
    person_id  INTEGER NOT NULL REFERENCES person (id),
    journey    TEXT    NOT NULL,
    -- the import that first put the person in the audience; NULL: the very
    -- first import, or the content did
    entered_at TEXT    CHECK (length(entered_at) = 20),
    UNIQUE (person_id, journey)
) STRICT;

CREATE TABLE position (
    person_id  INTEGER NOT NULL REFERENCES person (id),
    journey    TEXT    NOT NULL,
    stage      TEXT    NOT NULL CHECK (stage IN ('waiting', 'active', 'paused', 'completed', 'withdrawn')),
    last_step  TEXT,
    last_at    TEXT    CHECK (length(last_at) = 20),
    next_step  TEXT,
    next_round INTEGER CHECK (next_round >= 0),
    -- not before; NULL: nothing comes, or somebody must act
    next_at    TEXT    CHECK (length(next_at) = 20),
    -- the code of the first reason for waiting, or of being held or over
    why        TEXT, verdict INTEGER,
    PRIMARY KEY (person_id, journey),
    CHECK ((last_step IS NULL) = (last_at IS NULL)),
    CHECK ((next_step IS NULL) = (next_round IS NULL)),
    CHECK (next_at IS NULL OR stage IN ('waiting', 'active', 'paused'))
) STRICT, WITHOUT ROWID;

CREATE INDEX position_next_at ON position (next_at) WHERE next_at IS NOT NULL;

CREATE VIEW position_of_person AS
SELECT person.employee_id AS person, unit.name AS unit, position.journey, position.stage,
       position.last_step, position.last_at, position.next_step, position.next_round,
       position.next_at, position.why
FROM position
JOIN person ON person.id = position.person_id
JOIN unit ON unit.id = person.unit_id
WHERE person.protected = 0;

CREATE TABLE approval (
    id      INTEGER PRIMARY KEY,
    journey TEXT NOT NULL,
    step    TEXT NOT NULL,
    content TEXT NOT NULL,
    at      TEXT NOT NULL CHECK (length(at) = 20),
    by_name TEXT NOT NULL,
    note    TEXT
) STRICT;

CREATE TABLE hold (
    id          INTEGER PRIMARY KEY,
    journey     TEXT,
    step        TEXT,
    at          TEXT NOT NULL CHECK (length(at) = 20),
    released_at TEXT CHECK (length(released_at) = 20),
    CHECK ((journey IS NULL) = (step IS NULL))
) STRICT;

CREATE TABLE pause (
    id         INTEGER PRIMARY KEY,
    person_id  INTEGER REFERENCES person (id),
    unit       TEXT,
    journey    TEXT,
    from_at    TEXT NOT NULL CHECK (length(from_at) = 20),
    -- mail is allowed again on this day; NULL: until somebody resumes
    until_date TEXT CHECK (length(until_date) = 10),
    resumed_at TEXT CHECK (length(resumed_at) = 20),
    reason     TEXT NOT NULL, decided_for TEXT,
    CHECK ((person_id IS NOT NULL) + (unit IS NOT NULL) + (journey IS NOT NULL) = 1)
) STRICT;

CREATE TABLE unit_shift (
    id    INTEGER PRIMARY KEY,
    unit  TEXT    NOT NULL,
    weeks INTEGER NOT NULL CHECK (weeks <> 0),
    at    TEXT    NOT NULL CHECK (length(at) = 20)
, ended_at TEXT CHECK (length(ended_at) = 20), decided_for TEXT) STRICT;

CREATE TABLE unit_closed (
    id        INTEGER PRIMARY KEY,
    unit      TEXT NOT NULL,
    from_date TEXT NOT NULL CHECK (length(from_date) = 10),
    to_date   TEXT NOT NULL CHECK (length(to_date) = 10),
    why       TEXT NOT NULL, ended_at TEXT CHECK (length(ended_at) = 20), decided_for TEXT,
    CHECK (from_date <= to_date)
) STRICT;

CREATE TABLE unit_cadence (
    unit    TEXT PRIMARY KEY,
    cadence TEXT NOT NULL
, decided_for TEXT) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      TEXT NOT NULL CHECK (length(at) = 20),
    by_name TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- of a person: the internal number, so that no employee id stands here
    person_id INTEGER REFERENCES person (id),
    before  TEXT NOT NULL,
    after   TEXT NOT NULL,
    why     TEXT
) STRICT;

CREATE TABLE sent_before (
    message_id TEXT    PRIMARY KEY,
    number     INTEGER NOT NULL,
    at         TEXT    NOT NULL CHECK (length(at) = 20),
    reply      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE relay (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    -- the last mail it took
    success_at TEXT    CHECK (length(success_at) = 20),
    -- what is the matter with it, since when, how often in a row, and when it
    -- is tried again; all NULL: nothing
    trouble    TEXT,
    since_at   TEXT    CHECK (length(since_at) = 20),
    failures   INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    retry_at   TEXT    CHECK (length(retry_at) = 20), connections INTEGER CHECK (connections > 0), fewer_until TEXT CHECK (length(fewer_until) = 20),
    CHECK ((trouble IS NULL) = (since_at IS NULL) AND (trouble IS NULL) = (retry_at IS NULL))
) STRICT;

CREATE TABLE guard (
    id          INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('other_installation', 'restored', 'clock', 'outage')),
    at          TEXT NOT NULL CHECK (length(at) = 20),
    message     TEXT NOT NULL,
    released_at TEXT CHECK (length(released_at) = 20)
) STRICT;

CREATE UNIQUE INDEX guard_once ON guard (kind) WHERE released_at IS NULL;

CREATE TABLE bounce (
    id          INTEGER PRIMARY KEY,
    delivery_id INTEGER NOT NULL REFERENCES delivery (id),
    at          TEXT    NOT NULL CHECK (length(at) = 20),
    -- as relays give it: 5.1.1
    code        TEXT    NOT NULL,
    -- who is to blame for it
    blame       TEXT    NOT NULL CHECK (blame IN ('mailbox', 'passing', 'channel')),
    UNIQUE (delivery_id, code)
) STRICT;

CREATE TABLE people_file (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    length      INTEGER NOT NULL CHECK (length >= 0),
    -- nanoseconds since 1970
    modified_ns INTEGER NOT NULL,
    sha256      BLOB    NOT NULL CHECK (length(sha256) = 32)
) STRICT;

CREATE TABLE set_aside_row (
    id      INTEGER PRIMARY KEY,
    -- as the import was given it
    file    TEXT    NOT NULL,
    line    INTEGER NOT NULL CHECK (line >= 0),
    "column" INTEGER NOT NULL CHECK ("column" >= 0),
    message TEXT    NOT NULL,
    hint    TEXT
) STRICT;

CREATE TABLE stop (
    id        INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES person (id),
    at        TEXT    NOT NULL CHECK (length(at) = 20),
    undone_at TEXT    CHECK (length(undone_at) = 20)
) STRICT;

CREATE UNIQUE INDEX stop_once ON stop (person_id) WHERE undone_at IS NULL;

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

CREATE TABLE "mail_bytes" (
    delivery_id INTEGER PRIMARY KEY REFERENCES delivery (id),
    sha256      BLOB    NOT NULL CHECK (length(sha256) = 32),
    bytes       BLOB    NOT NULL,
    -- compressed against this message by an earlier version; NULL: not compressed
    base        BLOB
) STRICT;

CREATE TABLE "delivery" (
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
    settled_at   TEXT    CHECK (length(settled_at) = 20), own_data INTEGER NOT NULL DEFAULT 0
      CHECK (own_data = 0 OR (own_data = 1 AND purpose = 'access')),
    CHECK ((state = 'deferred' OR state = 'in_doubt') = (next_attempt_at IS NOT NULL)),
    CHECK ((state = 'sent' OR state = 'rejected' OR state = 'expired' OR state = 'cancelled')
           = (settled_at IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX delivery_of_step ON delivery (enrolment_id, step, round) WHERE purpose = 'step';

CREATE INDEX delivery_not_settled ON delivery (id) WHERE settled_at IS NULL;

CREATE INDEX delivery_of_mailing ON delivery (step, booked_at);

CREATE TRIGGER delivery_never_moves_back BEFORE UPDATE OF state ON delivery
WHEN OLD.settled_at IS NOT NULL
BEGIN SELECT raise(ABORT, 'what is settled stays so'); END;

CREATE TRIGGER delivery_settled_after_doubt AFTER UPDATE OF state ON delivery
WHEN NEW.settled_at IS NOT NULL AND NEW.doubts > 0
BEGIN DELETE FROM mail_bytes WHERE delivery_id = NEW.id; END;

CREATE TABLE undecided (
    person_id INTEGER PRIMARY KEY REFERENCES person (id),
    revision  INTEGER NOT NULL
) STRICT;

CREATE TABLE gate (
    journey TEXT NOT NULL,
    step    TEXT NOT NULL,
    state   TEXT NOT NULL,
    PRIMARY KEY (journey, step)
) STRICT, WITHOUT ROWID;

CREATE INDEX position_of_journey ON position (journey, next_step);

CREATE INDEX position_not_begun ON position (journey) WHERE last_step IS NULL;

CREATE INDEX position_not_rendered ON position (person_id) WHERE why = 'bad_content';

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

CREATE TABLE "event" (
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

CREATE INDEX event_of_enrolment ON event (enrolment_id, id);

CREATE UNIQUE INDEX event_mailed_once ON event (enrolment_id, step, round) WHERE what = 'mailed';

CREATE UNIQUE INDEX event_skipped_once ON event (enrolment_id, step) WHERE what = 'skipped';

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT raise(ABORT, 'an event is never changed'); END;

CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
WHEN (SELECT erasing FROM instance) IS NULL
BEGIN SELECT raise(ABORT, 'an event is never deleted'); END;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
WHEN (SELECT erasing FROM instance) IS NULL
BEGIN SELECT raise(ABORT, 'the audit log is never changed'); END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
WHEN (SELECT erasing FROM instance) IS NULL
BEGIN SELECT raise(ABORT, 'the audit log is never deleted'); END;

CREATE TABLE tombstone (
    key BLOB PRIMARY KEY CHECK (length(key) = 32),
    at  TEXT NOT NULL CHECK (length(at) = 20)
) STRICT, WITHOUT ROWID;
