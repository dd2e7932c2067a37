-- The people whom rows name as managers: by employee id, or by an address that is not shared.
INSERT INTO incoming_manager (manager, line)
SELECT manager, CASE WHEN instr(manager, '@')
    THEN (SELECT max(person.line) FROM incoming AS person
          WHERE person.email = named.manager COLLATE NOCASE AND NOT person.shared_address)
    ELSE (SELECT person.line FROM incoming AS person WHERE person.employee_id = named.manager)
    END
FROM (SELECT DISTINCT manager FROM incoming WHERE manager IS NOT NULL) AS named
