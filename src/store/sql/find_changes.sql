-- The people of the file who are in the database and change. The columns are those of the
-- people file.
INSERT INTO person_change (person_id, line, kind, columns)
WITH compared AS MATERIALIZED (
    SELECT person.id, incoming.line, person.left_at IS NOT NULL AS has_left, unit.code <> incoming.unit AS has_moved,
           (person.email, person.shared_address, person.second_employment)
           IS NOT (incoming.email, incoming.shared_address, incoming.second_employment) AS has_new_address,
           unit.code = incoming.unit AND unit.name <> incoming_unit.name AS is_renamed,
           concat_ws(', ',
               iif(person.employee_id <> incoming.employee_id, 'employee id', NULL),
               iif((person.email, person.shared_address, person.second_employment)
                   IS NOT (incoming.email, incoming.shared_address, incoming.second_employment), 'email', NULL),
               iif(person.first_name <> incoming.first_name, 'first name', NULL),
               iif(person.last_name <> incoming.last_name, 'last name', NULL),
               iif(unit.code <> incoming.unit, 'unit', NULL),
               iif(person.department IS NOT incoming.department, 'department', NULL),
               iif(person.language <> incoming.language, 'language', NULL),
               iif(person.start_date IS NOT incoming.start_date, 'start date', NULL),
               iif(person.end_date IS NOT incoming.end_date, 'end date', NULL),
               iif(person.leave <> incoming.leave, 'leave', NULL),
               iif(person.protected <> incoming.protected, 'protected', NULL),
               iif((SELECT group_concat(name || char(31) || value, char(30))
                    FROM (SELECT name, value FROM person_extra WHERE person_id = person.id ORDER BY rank))
                   IS NOT (SELECT group_concat(name || char(31) || value, char(30))
                           FROM (SELECT name, value FROM incoming_extra
                                 WHERE incoming_extra.line = incoming.line ORDER BY rank)), 'extra', NULL)
           ) AS columns
    FROM known_row
    JOIN person ON person.id = known_row.person_id
    JOIN unit ON unit.id = person.unit_id
    JOIN incoming ON incoming.line = known_row.line
    JOIN incoming_unit ON incoming_unit.code = incoming.unit
)
SELECT id, line,
       CASE WHEN has_left THEN 'returned' WHEN has_moved THEN 'moved' WHEN has_new_address THEN 'new address'
            WHEN columns <> '' THEN 'changed' ELSE 'unit renamed' END,
       columns
FROM compared
WHERE has_left OR columns <> '' OR is_renamed
