-- Stores the position of an enrolment; an unchanged row is not written.
INSERT INTO position (person_id, journey, stage, last_step, last_at, next_step, next_round, next_at, why, verdict)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (person_id, journey) DO UPDATE SET
    stage = excluded.stage, last_step = excluded.last_step, last_at = excluded.last_at,
    next_step = excluded.next_step, next_round = excluded.next_round, next_at = excluded.next_at,
    why = excluded.why, verdict = excluded.verdict
WHERE (position.stage, position.last_step, position.last_at, position.next_step, position.next_round,
       position.next_at, position.why, position.verdict)
   IS NOT (excluded.stage, excluded.last_step, excluded.last_at, excluded.next_step,
           excluded.next_round, excluded.next_at, excluded.why, excluded.verdict)
