-- What operators decided, with author and reason; the audit log knows both.
SELECT 'pause' AS kind, employee_id, protected, unit, journey, NULL AS step, NULL AS value,
       from_at AS since, until_date AS until, resumed_at AS ended,
       (SELECT by_name FROM audit
        WHERE action = 'pause' AND audit.at = from_at AND audit.person_id IS pause.person_id
          AND subject = coalesce('unit ' || coalesce(decided_for, unit), 'journey ' || journey, 'a person')
        ORDER BY id LIMIT 1) AS by_name,
       reason AS why, pause.id AS place
FROM pause LEFT JOIN person ON person.id = pause.person_id
UNION ALL
SELECT 'hold', NULL, NULL, NULL, journey, step, NULL, at, NULL, released_at,
       (SELECT by_name FROM audit
        WHERE action = 'hold' AND audit.at = hold.at
          AND subject = coalesce(journey || '/' || step, 'all sending')
        ORDER BY id LIMIT 1),
       (SELECT why FROM audit
        WHERE action = 'hold' AND audit.at = hold.at
          AND subject = coalesce(journey || '/' || step, 'all sending')
        ORDER BY id LIMIT 1),
       id
FROM hold
UNION ALL
SELECT 'approval', NULL, NULL, NULL, journey, step, content, at, NULL, NULL, by_name, note, id
FROM approval
UNION ALL
SELECT 'shift', NULL, NULL, unit, NULL, NULL, weeks, at, NULL, ended_at,
       (SELECT by_name FROM audit
        WHERE action = 'unit shift' AND audit.at = unit_shift.at AND subject = 'unit ' || coalesce(decided_for, unit)
        ORDER BY id LIMIT 1),
       (SELECT why FROM audit
        WHERE action = 'unit shift' AND audit.at = unit_shift.at AND subject = 'unit ' || coalesce(decided_for, unit)
        ORDER BY id LIMIT 1),
       id
FROM unit_shift
UNION ALL
-- Both have one row for each closing of a unit, in the same order.
SELECT 'closing', NULL, NULL, unit, NULL, NULL, from_date, made.at, to_date, closed.ended_at, made.by_name, closed.why, closed.id
FROM (SELECT *, coalesce(decided_for, unit) AS made_for,
             row_number() OVER (PARTITION BY coalesce(decided_for, unit) ORDER BY id) AS n
      FROM unit_closed) AS closed
LEFT JOIN (SELECT *, row_number() OVER (PARTITION BY subject ORDER BY id) AS n
           FROM audit WHERE action = 'unit close') AS made
       ON made.subject = 'unit ' || closed.made_for AND made.n = closed.n
UNION ALL
SELECT 'cadence', NULL, NULL, unit, NULL, NULL, cadence, made.at, NULL, NULL, made.by_name, made.why, made.id
FROM unit_cadence
LEFT JOIN audit AS made
       ON made.id = (SELECT max(id) FROM audit WHERE action = 'unit cadence'
                       AND subject = 'unit ' || coalesce(decided_for, unit))
UNION ALL
SELECT 'choice', employee_id, protected, NULL, NULL, NULL, character, made.at, NULL, NULL, made.by_name, made.why, person.id
FROM person
LEFT JOIN audit AS made
       ON made.id = (SELECT max(id) FROM audit WHERE action = 'choose' AND person_id = person.id)
WHERE character IS NOT NULL
UNION ALL
SELECT 'stop', employee_id, protected, NULL, NULL, NULL, NULL, stop.at, NULL, undone_at,
       (SELECT by_name FROM audit
        WHERE action = 'people stop' AND audit.at = stop.at AND audit.person_id = stop.person_id
        ORDER BY id LIMIT 1),
       NULL, stop.id
FROM stop JOIN person ON person.id = stop.person_id
ORDER BY kind, since, place
