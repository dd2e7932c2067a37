-- All events of people who have not left, with keys in a range, ordered within
-- each enrolment; an enrolment without events is one row.
SELECT person.employee_id, enrolment.journey, enrolment.entered_at,
       event.at, event.step, event.what, event.round, event.slot_at,
       delivery.state, delivery.settled_at, delivery.next_attempt_at, delivery.doubts
FROM enrolment
JOIN person ON person.id = enrolment.person_id
LEFT JOIN event ON event.enrolment_id = enrolment.id
LEFT JOIN delivery
       ON event.what = 'mailed' AND delivery.enrolment_id = event.enrolment_id
      AND delivery.step = event.step AND delivery.round = event.round AND delivery.purpose = 'step'
WHERE person.left_at IS NULL AND person.id BETWEEN ?1 AND ?2
ORDER BY person.id, enrolment.journey, event.id
