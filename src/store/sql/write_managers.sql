-- Stores the managers of units that have another one.
UPDATE unit SET manager_id = new.manager_id
FROM (SELECT code, person.id AS manager_id
      FROM incoming_unit LEFT JOIN person ON person.employee_id = incoming_unit.manager) AS new
WHERE unit.code = new.code AND unit.manager_id IS NOT new.manager_id
