-- A journey that is not in the content any more sends nothing.
UPDATE position
SET stage = 'withdrawn', next_step = NULL, next_round = NULL, next_at = NULL, why = 'journey_gone'
WHERE journey = ?1 AND (stage <> 'withdrawn' OR why <> 'journey_gone')
