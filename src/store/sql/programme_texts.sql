-- The texts for the programme, in the order of their random keys.
SELECT text FROM written_answer
WHERE journey = ?1 AND step = ?2 AND question = ?3 AND read_by = 'programme'
ORDER BY id
