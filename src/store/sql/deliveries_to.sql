-- All deliveries to one person, with the replies.
SELECT delivery.id, person.employee_id, enrolment.journey, delivery.step, delivery.round,
       delivery.slot_at, delivery.booked_at, delivery.content, delivery.message_id,
       first.message_id, delivery.state,
       delivery.reply || coalesce(
           (SELECT '; came back: ' || group_concat(code, ', ') FROM bounce WHERE delivery_id = delivery.id), '')
FROM person
JOIN enrolment ON enrolment.person_id = person.id
JOIN delivery ON delivery.enrolment_id = enrolment.id AND delivery.purpose = 'step'
LEFT JOIN delivery AS first
       ON first.enrolment_id = delivery.enrolment_id AND first.step = delivery.step
      AND first.round = 0 AND first.purpose = 'step' AND delivery.round > 0
WHERE person.employee_id = ?1
ORDER BY delivery.id
