-- Creates the tables of one reading of a people file. They belong to the connection, are
-- kept in a private temporary file if they are large.
-- the people of the file
CREATE TEMP TABLE incoming (
    line              INTEGER PRIMARY KEY,
    employee_id       TEXT    NOT NULL,
    email             TEXT,
    shared_address    INTEGER NOT NULL,
    second_employment INTEGER NOT NULL,
    first_name        TEXT    NOT NULL,
    last_name         TEXT    NOT NULL,
    unit              TEXT    NOT NULL,
    unit_name         TEXT    NOT NULL,
    department        TEXT,
    manager           TEXT,
    language          TEXT    NOT NULL,
    start_date        TEXT,
    end_date          TEXT,
    leave             TEXT    NOT NULL,
    protected         INTEGER NOT NULL,
    is_main           INTEGER NOT NULL,
    -- both names in lower case, to compare them
    name              TEXT    NOT NULL
);

CREATE TEMP TABLE incoming_extra (
    line  INTEGER NOT NULL,
    rank  INTEGER NOT NULL,
    name  TEXT    NOT NULL,
    value TEXT    NOT NULL,
    PRIMARY KEY (line, rank)
) WITHOUT ROWID;

-- the managers that rows name, each with the line of that person
CREATE TEMP TABLE incoming_manager (manager TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID;

CREATE TEMP TABLE incoming_unit (
    code       TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL,
    -- employee id of the manager
    manager    TEXT,
    first_line INTEGER NOT NULL
) WITHOUT ROWID;

-- the people of the file who are in the database
CREATE TEMP TABLE known_row (person_id INTEGER PRIMARY KEY, line INTEGER NOT NULL UNIQUE);

-- people whose other employment counts from now on
CREATE TEMP TABLE renumbered (person_id INTEGER PRIMARY KEY, employee_id TEXT NOT NULL);

-- everyone whom the import writes, with the columns that differ
CREATE TEMP TABLE person_change (
    person_id INTEGER PRIMARY KEY,
    line      INTEGER,
    kind      TEXT NOT NULL,
    columns   TEXT NOT NULL
);
