-- People who may have something due, those whom a change concerns, and those whose
-- mail could not be rendered: the cause may be gone. Uses the indexes
-- position_next_at and position_not_rendered.
SELECT person_id FROM undecided
UNION
SELECT person_id FROM position WHERE next_at IS NOT NULL AND next_at <= ?1
UNION
SELECT person_id FROM position WHERE why = 'bad_content'
ORDER BY person_id
