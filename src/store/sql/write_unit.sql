-- A unit; written only where it is new or is called something else.
INSERT INTO unit (code, name) VALUES (?1, ?2)
ON CONFLICT (code) DO UPDATE SET name = excluded.name WHERE unit.name <> excluded.name
