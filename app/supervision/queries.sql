-- name: due
-- Cases on which the system has to act by now, the longest waiting first.
SELECT c.id
FROM cases c
WHERE c.acts_at <= :at
ORDER BY c.acts_at, c.id
LIMIT :limit;
