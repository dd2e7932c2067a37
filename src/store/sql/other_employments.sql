-- People whose other employment counts from now on: the employee id so far, and the new one.
-- The row that counted is another employment of the person in the file;
SELECT so_far.employee_id, new.employee_id
FROM incoming AS so_far
JOIN incoming AS new ON new.email = so_far.email COLLATE NOCASE AND NOT new.second_employment
JOIN person ON person.employee_id = so_far.employee_id AND person.left_at IS NULL
WHERE so_far.second_employment AND NOT person.second_employment
  AND NOT EXISTS (SELECT 1 FROM person AS other WHERE other.employee_id = new.employee_id
                  AND other.left_at IS NULL AND NOT other.second_employment)
UNION
-- or it is gone, and the row of a held employment counts.
SELECT so_far.employee_id, held.employee_id
FROM (SELECT * FROM person WHERE second_employment = 1 AND left_at IS NULL) AS held
JOIN incoming ON incoming.employee_id = held.employee_id AND incoming.email = held.email COLLATE NOCASE
             AND NOT incoming.second_employment
JOIN person AS so_far ON so_far.id = (SELECT min(id) FROM person WHERE email = held.email COLLATE NOCASE
                                      AND left_at IS NULL AND NOT second_employment)
WHERE so_far.employee_id NOT IN (SELECT employee_id FROM incoming)
