-- Removes small units and departments from answers that are sealed.
WITH present AS (
    SELECT position.journey, unit.code AS unit, person.department
    FROM position
    JOIN person ON person.id = position.person_id
    JOIN unit ON unit.id = person.unit_id
    WHERE person.left_at IS NULL AND position.stage <> 'withdrawn'
)
UPDATE counted_answer
SET unit = CASE WHEN (journey, unit) IN
        (SELECT journey, unit FROM present GROUP BY journey, unit HAVING count(*) >= ?2) THEN unit END,
    department = CASE WHEN (journey, department) IN
        (SELECT journey, department FROM present GROUP BY journey, department HAVING count(*) >= ?2)
        THEN department END
WHERE id IN (SELECT answer_id FROM answer_slip WHERE answer_id IS NOT NULL AND seals_at < ?1)
