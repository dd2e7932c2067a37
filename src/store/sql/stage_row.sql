-- Adds one row of a people file.
INSERT INTO incoming (line, employee_id, email, shared_address, second_employment, first_name, last_name,
                      unit, unit_name, department, manager, language, start_date, end_date, leave,
                      protected, is_main, name)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
