-- Stores an answer that is counted, with the groups to which the person belongs now.
INSERT INTO counted_answer (id, journey, step, question, value, week, unit, department, character)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, unit.code, person.department, person.character
FROM person JOIN unit ON unit.id = person.unit_id
WHERE person.id = ?7
