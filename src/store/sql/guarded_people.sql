-- The people of a unit for which the file has no people: its name, and how many go to which unit.
SELECT unit.name, incoming_unit.name, count(*)
FROM unit
JOIN person ON person.unit_id = unit.id
JOIN person_change AS change ON change.person_id = person.id AND change.kind = 'moved'
JOIN incoming ON incoming.line = change.line
JOIN incoming_unit ON incoming_unit.code = incoming.unit
WHERE unit.code = ?1 AND NOT EXISTS (SELECT 1 FROM incoming_unit WHERE code = ?1)
GROUP BY incoming_unit.code
