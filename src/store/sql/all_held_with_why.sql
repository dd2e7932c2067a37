-- The hold on all sending, with its reason from the audit log. After a restore
-- this is the hold that the restore placed.
SELECT at,
       (SELECT CASE action
               WHEN 'restore' THEN 'put back from a backup' || coalesce(': ' || why, '')
               ELSE why END
        FROM audit
        WHERE at = hold.at AND (action = 'restore' OR action = 'hold' AND subject = 'all sending')
        ORDER BY id LIMIT 1)
FROM hold
WHERE journey IS NULL AND released_at IS NULL
ORDER BY id LIMIT 1
