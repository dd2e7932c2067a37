-- Enqueues a delivery.
INSERT INTO delivery (id, enrolment_id, step, round, state, slot_at, booked_at, content, message_id,
                      expires_at)
VALUES (?1, ?2, ?3, ?4, 'due', ?5, ?6, ?7, ?8, ?9)
