-- The people of the file, with the columns of `people.sql`.
SELECT incoming.line, employee_id, email, shared_address + 2 * second_employment, first_name, last_name, unit,
       department, language, start_date, end_date, leave, protected, incoming_unit.name, NULL, NULL
FROM incoming JOIN incoming_unit ON code = unit
ORDER BY incoming.line
