-- The units with people who have not left.
SELECT unit.code, unit.name, manager.employee_id
FROM unit
LEFT JOIN person AS manager ON manager.id = unit.manager_id AND manager.left_at IS NULL
WHERE EXISTS (SELECT 1 FROM person WHERE person.unit_id = unit.id AND person.left_at IS NULL)
ORDER BY unit.id
