-- Says who answered a question and where the answer is.
INSERT INTO answer_slip (enrolment_id, step, question, answer_id, saved_at, seals_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (enrolment_id, step, question)
DO UPDATE SET answer_id = excluded.answer_id, saved_at = excluded.saved_at, seals_at = excluded.seals_at
