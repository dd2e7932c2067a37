-- The latest instant recorded in the database.
SELECT max(at) FROM (
    SELECT max(at) AS at FROM event
    UNION ALL SELECT max(at) FROM audit
    UNION ALL SELECT max(booked_at) FROM delivery
    UNION ALL SELECT max(settled_at) FROM delivery
)
