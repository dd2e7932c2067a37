-- Stores a person from an import; a person who had left is present again.
INSERT INTO person (id, employee_id, email, shared_address, first_name, last_name, unit_id, department,
                    language, start_date, end_date, leave, protected, joined_at, second_employment)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
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
