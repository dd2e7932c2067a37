-- The number of deliveries that wait only for a rate limit; with a domain, only
-- those to it.
SELECT count(*)
FROM delivery
JOIN enrolment ON enrolment.id = delivery.enrolment_id
JOIN person ON person.id = enrolment.person_id
WHERE delivery.settled_at IS NULL AND delivery.state = 'due'
  AND (?1 IS NULL OR lower(substr(person.email, instr(person.email, '@') + 1)) = ?1)
