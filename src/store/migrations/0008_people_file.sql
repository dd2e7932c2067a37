-- 1: another employment of a person who gets mail already.
ALTER TABLE person ADD COLUMN second_employment INTEGER NOT NULL DEFAULT 0 CHECK (second_employment IN (0, 1));

-- The configured people file at the last import, to tell when it has changed.
CREATE TABLE people_file (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    length      INTEGER NOT NULL CHECK (length >= 0),
    -- nanoseconds since 1970
    modified_ns INTEGER NOT NULL,
    sha256      BLOB    NOT NULL CHECK (length(sha256) = 32)
) STRICT;

-- The rows that the last import set aside. The texts have no personal data.
CREATE TABLE set_aside_row (
    id      INTEGER PRIMARY KEY,
    -- as the import was given it
    file    TEXT    NOT NULL,
    line    INTEGER NOT NULL CHECK (line >= 0),
    "column" INTEGER NOT NULL CHECK ("column" >= 0),
    message TEXT    NOT NULL,
    hint    TEXT
) STRICT;

-- When an import ended a decision about a unit, and the unit it was made for if an import
-- moved it to another one: the audit log knows it by that.
ALTER TABLE unit_shift ADD COLUMN ended_at TEXT CHECK (length(ended_at) = 20);
ALTER TABLE unit_closed ADD COLUMN ended_at TEXT CHECK (length(ended_at) = 20);
ALTER TABLE pause ADD COLUMN decided_for TEXT;
ALTER TABLE unit_shift ADD COLUMN decided_for TEXT;
ALTER TABLE unit_closed ADD COLUMN decided_for TEXT;
ALTER TABLE unit_cadence ADD COLUMN decided_for TEXT;
