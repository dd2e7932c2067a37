-- Rows whose employee id stands in several rows, together and in the order of the file; with
-- the values that may differ.
SELECT line, employee_id, is_main, name, email, first_name, last_name, unit_name, unit, department, manager, language,
       start_date, end_date, leave, CAST(protected AS TEXT),
       (SELECT group_concat(name || char(31) || value, char(30) ORDER BY rank)
        FROM incoming_extra WHERE incoming_extra.line = incoming.line)
FROM incoming
WHERE employee_id IN (SELECT employee_id FROM incoming GROUP BY employee_id HAVING count(*) > 1)
ORDER BY employee_id, line
