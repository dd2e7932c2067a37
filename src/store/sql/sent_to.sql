-- The recipient of a sent mail, and whether they still have the same address.
SELECT enrolment.person_id, person.employee_id, person.email,
       person.address_at IS NULL OR person.address_at <= delivery.booked_at
FROM delivery
JOIN enrolment ON enrolment.id = delivery.enrolment_id
JOIN person ON person.id = enrolment.person_id
WHERE delivery.id = ?1 AND delivery.state = 'sent'
