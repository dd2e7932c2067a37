-- Moves a delivery to its next state if it is still in the expected state.
UPDATE delivery
SET state = ?3,
    epoch = CASE WHEN ?3 IN ('claimed', 'in_flight') THEN (SELECT epoch FROM instance) END,
    settled_at = ?4,
    next_attempt_at = ?5,
    reply = coalesce(?6, reply),
    attempts = attempts + ?7,
    doubts = doubts + ?8,
    sha256 = coalesce(?9, sha256)
WHERE id = ?1 AND state = ?2
