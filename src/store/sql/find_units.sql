-- The units of the file, each with its most frequent name and manager; of two that are equally
-- frequent the one named first. A manager who is not in the file counts, and is left out.
INSERT INTO incoming_unit (code, name, manager, first_line)
WITH name AS (
    SELECT unit, unit_name, min(min(line)) OVER (PARTITION BY unit) AS first_line,
           row_number() OVER (PARTITION BY unit ORDER BY count(*) DESC, min(line)) AS rank
    FROM incoming GROUP BY unit, unit_name
), manager AS (
    SELECT unit, incoming_manager.line AS manager_line,
           row_number() OVER (PARTITION BY unit ORDER BY count(*) DESC, min(incoming.line)) AS rank
    FROM incoming JOIN incoming_manager USING (manager)
    GROUP BY unit, coalesce(incoming_manager.line, incoming.manager)
)
SELECT name.unit, name.unit_name, incoming.employee_id, name.first_line
FROM name
LEFT JOIN manager ON manager.unit = name.unit AND manager.rank = 1
LEFT JOIN incoming ON incoming.line = manager.manager_line
WHERE name.rank = 1
