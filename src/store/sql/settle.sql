-- How handing over ended. Nothing moves backwards from the end of it.
UPDATE delivery
SET state = ?2, reply = ?3, settled_at = ?4, epoch = NULL
WHERE id = ?1 AND settled_at IS NULL
