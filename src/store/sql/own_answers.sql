-- All answers of a person, for that person.
SELECT enrolment.journey, answer_slip.step, written_answer.text, written_answer.read_by,
       answer_slip.question, answer_slip.saved_at, answer_slip.seals_at, counted_answer.value,
       answer_slip.answer_id IS NULL
FROM enrolment
JOIN answer_slip ON answer_slip.enrolment_id = enrolment.id
LEFT JOIN counted_answer ON counted_answer.id = answer_slip.answer_id
LEFT JOIN written_answer ON written_answer.id = answer_slip.answer_id
WHERE enrolment.person_id = ?1
ORDER BY answer_slip.saved_at, enrolment.journey, answer_slip.step, answer_slip.question
