-- All pauses, including past ones: their days do not count in any duration.
SELECT person.employee_id, pause.unit, pause.journey, pause.from_at, pause.until_date,
       pause.resumed_at, pause.reason
FROM pause
LEFT JOIN person ON person.id = pause.person_id
ORDER BY pause.id
