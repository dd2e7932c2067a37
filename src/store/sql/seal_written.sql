-- Removes small units from texts that are sealed.
WITH present AS (
    SELECT position.journey, unit.code AS unit
    FROM position
    JOIN person ON person.id = position.person_id
    JOIN unit ON unit.id = person.unit_id
    WHERE person.left_at IS NULL AND position.stage <> 'withdrawn'
)
UPDATE written_answer
SET unit = CASE WHEN (journey, unit) IN
        (SELECT journey, unit FROM present GROUP BY journey, unit HAVING count(*) >= ?2) THEN unit END
WHERE id IN (SELECT answer_id FROM answer_slip WHERE answer_id IS NOT NULL AND seals_at < ?1)
