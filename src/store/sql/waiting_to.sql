-- How many mails of the outbox wait for nothing but room; with a domain only
-- those to it. What a run has just claimed and not tried waits too.
SELECT count(*)
FROM delivery
JOIN enrolment ON enrolment.id = delivery.enrolment_id
JOIN person ON person.id = enrolment.person_id
WHERE delivery.settled_at IS NULL AND delivery.state IN ('due', 'claimed')
  AND (?1 IS NULL OR lower(substr(person.email, instr(person.email, '@') + 1)) = ?1)
