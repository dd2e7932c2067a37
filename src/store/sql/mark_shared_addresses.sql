-- Marks people who share an address with another person.
UPDATE incoming SET shared_address = 1
WHERE NOT second_employment AND email COLLATE NOCASE IN
      (SELECT email FROM incoming WHERE email IS NOT NULL AND NOT second_employment
       GROUP BY email COLLATE NOCASE HAVING count(*) > 1)
