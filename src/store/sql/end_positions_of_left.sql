-- Ends the positions of people who have left.
UPDATE position
SET stage = 'withdrawn', next_step = NULL, next_round = NULL, next_at = NULL, why = 'left'
WHERE (stage <> 'withdrawn' OR why <> 'left')
  AND person_id IN (SELECT id FROM person WHERE left_at IS NOT NULL)
