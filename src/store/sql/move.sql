-- A delivery goes from one state to the next, if it is still where it is
-- thought to be.
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
