-- Stores the people who join, return or change; who had left is present again.
INSERT INTO person (id, employee_id, email, shared_address, first_name, last_name, unit_id, department,
                    language, start_date, end_date, leave, protected, joined_at, second_employment)
SELECT change.person_id, employee_id, email, shared_address, first_name, last_name, unit.id, department,
       language, start_date, end_date, leave, protected, ?1, second_employment
FROM person_change AS change
JOIN incoming USING (line)
JOIN unit ON unit.code = incoming.unit
WHERE change.kind <> 'unit renamed'
ORDER BY change.person_id
ON CONFLICT (id) DO UPDATE SET
    email = excluded.email, shared_address = excluded.shared_address,
    second_employment = excluded.second_employment, first_name = excluded.first_name,
    last_name = excluded.last_name, unit_id = excluded.unit_id, department = excluded.department,
    language = excluded.language, start_date = excluded.start_date, end_date = excluded.end_date,
    leave = excluded.leave, protected = excluded.protected, left_at = NULL,
    -- bounces from an old address say nothing about a new one
    undeliverable = CASE WHEN lower(email) IS lower(excluded.email) THEN undeliverable END,
    address_at = CASE WHEN lower(email) IS lower(excluded.email) THEN address_at
                      ELSE excluded.joined_at END
