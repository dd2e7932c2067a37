-- Stores a unit, if it is new or its name has changed.
INSERT INTO unit (code, name) VALUES (?1, ?2)
ON CONFLICT (code) DO UPDATE SET name = excluded.name WHERE unit.name <> excluded.name
