-- Stores the manager of a unit, if it has changed.
UPDATE unit SET manager_id = (SELECT id FROM person WHERE employee_id = ?2)
WHERE code = ?1 AND manager_id IS NOT (SELECT id FROM person WHERE employee_id = ?2)
