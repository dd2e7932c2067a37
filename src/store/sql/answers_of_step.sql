-- The answers of a person to a step, without their texts.
SELECT answer_slip.question, answer_slip.saved_at, answer_slip.seals_at, counted_answer.value,
       answer_slip.answer_id IS NULL
FROM answer_slip
LEFT JOIN counted_answer ON counted_answer.id = answer_slip.answer_id
WHERE answer_slip.enrolment_id = (SELECT id FROM enrolment WHERE person_id = ?1 AND journey = ?2)
  AND answer_slip.step = ?3
ORDER BY answer_slip.question
