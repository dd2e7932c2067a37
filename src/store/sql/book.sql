-- A delivery, decided and claimed by this run.
INSERT INTO delivery (id, enrolment_id, step, round, state, slot_at, booked_at, content, message_id,
                      epoch, attempts)
VALUES (?1, ?2, ?3, ?4, 'claimed', ?5, ?6, ?7, ?8, (SELECT epoch FROM instance), 1)
