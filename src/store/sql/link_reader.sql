-- The recipient of a delivery and what its links need; the first columns are
-- those of people.sql.
SELECT person.id, person.employee_id, person.email, person.shared_address + 2 * person.second_employment, person.first_name,
       person.last_name, unit.code, person.department, coalesce(person.own_language, person.language), person.start_date,
       person.end_date, person.leave, person.protected, unit.name, person.left_at,
       person.undeliverable, enrolment.journey, delivery.step,
       CASE WHEN delivery.state = 'sent' THEN delivery.settled_at END,
       person.link_epoch, person.character, delivery.own_data
FROM delivery
JOIN enrolment ON enrolment.id = delivery.enrolment_id
JOIN person ON person.id = enrolment.person_id
JOIN unit ON unit.id = person.unit_id
WHERE delivery.id = ?1
