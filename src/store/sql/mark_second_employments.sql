-- Of people with one name and address, all but one are another employment: the main one
-- counts, or else the first.
UPDATE incoming SET second_employment = 1
FROM (SELECT email AS address, coalesce(min(CASE WHEN is_main THEN line END), min(line)) AS main
      FROM incoming WHERE email IS NOT NULL
      GROUP BY email COLLATE NOCASE HAVING count(*) > 1 AND min(name) = max(name)) AS person
WHERE incoming.email = person.address COLLATE NOCASE AND incoming.line <> person.main
