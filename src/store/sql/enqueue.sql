-- Enqueues a delivery of an enrolment that exists.
INSERT INTO delivery (id, enrolment_id, step, round, state, slot_at, booked_at, content, message_id,
                      expires_at)
SELECT ?1, id, ?4, ?5, 'due', ?6, ?7, ?8, ?9, ?10
FROM enrolment
WHERE person_id = ?2 AND journey = ?3
RETURNING enrolment_id
