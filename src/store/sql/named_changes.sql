-- The first people of each kind of change.
SELECT kind, coalesce(incoming.employee_id, renumbered.employee_id, person.employee_id),
       trim(coalesce(incoming.first_name, person.first_name) || ' ' || coalesce(incoming.last_name, person.last_name)),
       coalesce(incoming.protected, person.protected), unit.name, incoming_unit.name, incoming.email, columns
FROM (SELECT *, row_number() OVER (PARTITION BY kind ORDER BY person_id) AS rank
      FROM person_change WHERE kind <> 'unit renamed') AS change
LEFT JOIN person ON person.id = change.person_id
LEFT JOIN unit ON unit.id = person.unit_id
LEFT JOIN renumbered ON renumbered.person_id = change.person_id
LEFT JOIN incoming ON incoming.line = change.line
LEFT JOIN incoming_unit ON incoming_unit.code = incoming.unit
WHERE rank <= ?1
ORDER BY change.person_id
