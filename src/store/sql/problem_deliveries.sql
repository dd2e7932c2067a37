-- Deliveries that are in doubt, deferred or held, with the replies; uses the
-- index delivery_not_settled. And those refused since an instant.
SELECT delivery.id, person.employee_id, person.protected, enrolment.journey, delivery.step,
       delivery.round, delivery.state, delivery.attempts, delivery.next_attempt_at, delivery.reply,
       person.first_name, person.last_name
FROM delivery
JOIN enrolment ON enrolment.id = delivery.enrolment_id
JOIN person ON person.id = enrolment.person_id
WHERE delivery.id IN (
    SELECT id FROM delivery WHERE settled_at IS NULL AND state IN ('in_doubt', 'held', 'deferred')
    UNION ALL
    SELECT id FROM delivery WHERE settled_at >= ?1 AND state = 'rejected')
ORDER BY delivery.state <> 'held', delivery.state <> 'in_doubt', delivery.state <> 'deferred', delivery.id
LIMIT ?2
