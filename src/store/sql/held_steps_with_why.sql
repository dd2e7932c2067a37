-- The held steps, each with its reason from the audit log.
SELECT journey, step, at,
       (SELECT why FROM audit
        WHERE action = 'hold' AND subject = hold.journey || '/' || hold.step AND at = hold.at
        ORDER BY id LIMIT 1)
FROM hold
WHERE journey IS NOT NULL AND released_at IS NULL
ORDER BY id
