-- Ends the positions of a journey that is no longer in the content.
UPDATE position
SET stage = 'withdrawn', next_step = NULL, next_round = NULL, next_at = NULL, why = 'journey_gone'
WHERE journey = ?1 AND (stage <> 'withdrawn' OR why <> 'journey_gone')
