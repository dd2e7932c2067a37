-- Mails that came back after a relay had taken them.

-- Of a delivery each code once, however often it is reported.
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

-- The code with which a mail to the address came back for good; an import
-- that brings another address takes it away.
ALTER TABLE person ADD COLUMN undeliverable TEXT;

-- Since when the address is this one; NULL: since they came. What was booked
-- before went to another.
ALTER TABLE person ADD COLUMN address_at TEXT CHECK (length(address_at) = 20);
