-- Stores the health of the relay.
INSERT INTO relay (one, success_at, trouble, since_at, failures, retry_at, connections, fewer_until)
VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (one) DO UPDATE SET success_at = excluded.success_at, trouble = excluded.trouble,
    since_at = excluded.since_at, failures = excluded.failures, retry_at = excluded.retry_at,
    connections = excluded.connections, fewer_until = excluded.fewer_until
