-- Each step that is held, and why: the newest line of the audit log of that.
SELECT journey, step, at,
       (SELECT why FROM audit
        WHERE action = 'hold' AND subject = hold.journey || '/' || hold.step
        ORDER BY id DESC LIMIT 1)
FROM hold
WHERE journey IS NOT NULL AND released_at IS NULL
ORDER BY id
