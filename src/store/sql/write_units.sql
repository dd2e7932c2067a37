-- Stores units that are new or have another name.
INSERT INTO unit (code, name)
SELECT code, name FROM incoming_unit WHERE true ORDER BY first_line
ON CONFLICT (code) DO UPDATE SET name = excluded.name WHERE unit.name <> excluded.name
