-- All mails to one person, also one who has left, with the replies.
SELECT enrolment.journey, delivery.step, delivery.round, delivery.state, delivery.slot_at,
       delivery.settled_at, delivery.content, delivery.reply
FROM person
JOIN enrolment ON enrolment.person_id = person.id
JOIN delivery ON delivery.enrolment_id = enrolment.id AND delivery.purpose = 'step'
WHERE person.employee_id = ?1
ORDER BY delivery.id
