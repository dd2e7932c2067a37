-- The answers whose time is over and that a slip leads to: texts that only their
-- writer or the unit reads, a while after the last mail of the journey; and
-- everything of people who left a while ago.
SELECT slip.enrolment_id, slip.step, slip.question, slip.answer_id, enrolment.person_id,
       person.left_at IS NOT NULL AND person.left_at < ?2
FROM answer_slip AS slip
JOIN enrolment ON enrolment.id = slip.enrolment_id
JOIN person ON person.id = enrolment.person_id
LEFT JOIN written_answer ON written_answer.id = slip.answer_id
WHERE (person.left_at IS NOT NULL AND person.left_at < ?2)
   OR ((written_answer.read_by = 'me' OR written_answer.read_by = 'unit')
       AND slip.saved_at < ?1
       AND coalesce((SELECT max(event.at) FROM event
                     WHERE event.enrolment_id = slip.enrolment_id AND event.what = 'mailed'), '') < ?1)
