-- Deliveries that are in doubt, deferred or held, with the replies; uses the
-- index delivery_not_settled.
SELECT delivery.id, person.employee_id, person.protected, enrolment.journey, delivery.step,
       delivery.round, delivery.state, delivery.attempts, delivery.next_attempt_at, delivery.reply
FROM delivery
JOIN enrolment ON enrolment.id = delivery.enrolment_id
JOIN person ON person.id = enrolment.person_id
WHERE delivery.settled_at IS NULL AND delivery.state IN ('in_doubt', 'held', 'deferred')
ORDER BY delivery.state <> 'held', delivery.state <> 'in_doubt', delivery.id
LIMIT ?1
