-- Ends the positions of the people who leave with an import.
UPDATE position
SET stage = 'withdrawn', next_step = NULL, next_round = NULL, next_at = NULL, why = 'left', verdict = NULL
WHERE person_id IN (SELECT person_id FROM person_change WHERE kind = 'left')
