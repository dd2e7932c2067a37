-- A fact. A step is skipped once; a mail is mailed once, which is an error if
-- it is tried again.
INSERT INTO event (enrolment_id, at, step, what, round, slot_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE ?4 <> 'skipped'
   OR NOT EXISTS (SELECT 1 FROM event WHERE enrolment_id = ?1 AND step = ?3 AND what = 'skipped')
