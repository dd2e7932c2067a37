-- Marks the people whom an import has added or changed.
INSERT INTO undecided (person_id, revision)
SELECT person_id, (SELECT revision FROM instance) FROM person_change
WHERE kind NOT IN ('left', 'not removed')
ON CONFLICT (person_id) DO UPDATE SET revision = excluded.revision
