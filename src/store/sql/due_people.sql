-- People who may have something due; uses the index position_next_at.
SELECT DISTINCT person_id FROM position
WHERE next_at IS NOT NULL AND next_at <= ?1
ORDER BY person_id
