-- Moves a delivery to its next state if it is still in the expected state.
UPDATE delivery
SET state = ?3,
    settled_at = ?4,
    next_attempt_at = ?5,
    reply = coalesce(?6, reply),
    attempts = attempts + ?7,
    doubts = doubts + ?8
WHERE id = ?1 AND state = ?2
RETURNING booked_at
