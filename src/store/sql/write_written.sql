-- Stores a text; with the unit only if others than its writer may read it.
INSERT INTO written_answer (id, journey, step, question, read_by, text, week, unit)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, CASE WHEN ?5 <> 'me' THEN unit.code END
FROM person JOIN unit ON unit.id = person.unit_id
WHERE person.id = ?8
