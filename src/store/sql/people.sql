-- People, each with the name of their unit; callers append the condition and
-- the order.
SELECT person.id, person.employee_id, person.email, person.shared_address + 2 * person.second_employment, person.first_name,
       person.last_name, unit.code, person.department, coalesce(person.own_language, person.language), person.start_date,
       person.end_date, person.leave, person.protected, unit.name, person.left_at,
       person.undeliverable
FROM person
JOIN unit ON unit.id = person.unit_id
