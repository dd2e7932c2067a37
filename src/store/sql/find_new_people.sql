-- The people of the file who are not in the database, with the keys they get.
INSERT INTO person_change (person_id, line, kind, columns)
SELECT (SELECT coalesce(max(id), 0) FROM person) + row_number() OVER (ORDER BY line), line, 'joined', ''
FROM incoming
WHERE line NOT IN (SELECT line FROM known_row)
