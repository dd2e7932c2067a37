-- When mails to a domain were sent after an instant, for the domain's rate limits.
SELECT delivery.settled_at
FROM delivery
JOIN enrolment ON enrolment.id = delivery.enrolment_id
JOIN person ON person.id = enrolment.person_id
WHERE delivery.state = 'sent' AND delivery.settled_at > ?1
  AND lower(substr(person.email, instr(person.email, '@') + 1)) = ?2
ORDER BY delivery.settled_at
