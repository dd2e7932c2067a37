-- Enqueues a mail with new links, or with a link to the own data, for the person and
-- the step of another delivery.
INSERT INTO delivery (id, enrolment_id, purpose, step, round, state, slot_at, booked_at, content,
                      message_id, expires_at, own_data)
SELECT ?1, enrolment_id, 'access', step,
       (SELECT count(*) FROM delivery AS earlier
        WHERE earlier.enrolment_id = delivery.enrolment_id AND earlier.purpose = 'access'),
       'due', ?3, ?3, content, ?4, ?5, ?6
FROM delivery
WHERE id = ?2
