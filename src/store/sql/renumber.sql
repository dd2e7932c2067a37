-- Gives people other employee ids. Two of them may exchange theirs, so that all are freed first:
-- no employee id has a blank.
UPDATE person SET employee_id = 'was ' || id WHERE id IN (SELECT person_id FROM renumbered);
UPDATE person SET employee_id = renumbered.employee_id FROM renumbered WHERE person_id = id;
