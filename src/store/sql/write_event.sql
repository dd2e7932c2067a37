-- Stores an event. A second skip of a step is ignored; a second mail of the
-- same round violates a unique index.
INSERT INTO event (enrolment_id, at, step, what, round, slot_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE ?4 <> 'skipped'
   OR NOT EXISTS (SELECT 1 FROM event WHERE enrolment_id = ?1 AND step = ?3 AND what = 'skipped')
