-- Stores the additional columns of people who have none stored.
INSERT INTO person_extra (person_id, rank, name, value)
SELECT person_id, rank, name, value
FROM person_change JOIN incoming_extra USING (line)
WHERE kind <> 'unit renamed'
ORDER BY person_id, rank
