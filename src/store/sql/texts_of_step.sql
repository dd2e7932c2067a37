-- Who got a mail of a step, or may have got it, and with which text; uses the
-- index delivery_of_mailing.
SELECT person.employee_id, delivery.content, coalesce(delivery.settled_at, delivery.booked_at)
FROM delivery
JOIN enrolment ON enrolment.id = delivery.enrolment_id
JOIN person ON person.id = enrolment.person_id
WHERE delivery.step = ?2 AND enrolment.journey = ?1 AND delivery.purpose = 'step'
  AND delivery.state IN ('sent', 'in_doubt')
  AND person.left_at IS NULL
ORDER BY person.id, delivery.id
