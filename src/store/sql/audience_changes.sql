-- What decides about audiences, of everyone whom the import writes, before and after it.
SELECT change.person_id, person.employee_id, person.department, person.language, unit.code, unit.name,
       incoming.employee_id, incoming.department, incoming.language, incoming_unit.code, incoming_unit.name
FROM person_change AS change
LEFT JOIN person ON person.id = change.person_id AND person.left_at IS NULL
LEFT JOIN unit ON unit.id = person.unit_id
LEFT JOIN incoming ON incoming.line = change.line
LEFT JOIN incoming_unit ON incoming_unit.code = incoming.unit
WHERE change.kind <> 'not removed'
