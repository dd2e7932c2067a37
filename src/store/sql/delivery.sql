-- One delivery by number, and how often it was in doubt.
SELECT delivery.id, person.employee_id, enrolment.journey, delivery.step, delivery.round,
       delivery.slot_at, delivery.booked_at, delivery.content, delivery.message_id,
       first.message_id, delivery.state, delivery.doubts
FROM delivery
JOIN enrolment ON enrolment.id = delivery.enrolment_id
JOIN person ON person.id = enrolment.person_id
LEFT JOIN delivery AS first
       ON first.enrolment_id = delivery.enrolment_id AND first.step = delivery.step
      AND first.round = 0 AND first.purpose = 'step' AND delivery.round > 0
WHERE delivery.id = ?1
