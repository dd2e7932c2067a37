-- People who have asked for no more mails. Their reason is not stored.
CREATE TABLE stop (
    id        INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES person (id),
    at        TEXT    NOT NULL CHECK (length(at) = 20),
    undone_at TEXT    CHECK (length(undone_at) = 20)
) STRICT;

CREATE UNIQUE INDEX stop_once ON stop (person_id) WHERE undone_at IS NULL;
