-- Holds a step or all sending, unless it is held.
INSERT INTO hold (journey, step, at)
SELECT ?1, ?2, ?3
WHERE NOT EXISTS (SELECT 1 FROM hold WHERE journey IS ?1 AND step IS ?2 AND released_at IS NULL)
