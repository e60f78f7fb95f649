-- name: session_viewer
-- Who holds the session, with every role and its area; no row when it is over.
SELECT p.id, p.name, p.username, p.worker_id, p.unit_code, s.seen_at AS last_at, 'full' AS scope,
       ARRAY(SELECT g.role || ' ' || g.area_code FROM grants g WHERE g.person_id = p.id ORDER BY 1) AS grants
  FROM sessions s
  JOIN people p ON p.id = s.person_id
 WHERE s.secret_sha256 = :secret AND s.expires_at > :at AND s.seen_at > :idle_since AND p.active;

-- name: token_viewer
-- Whose token it is, with every role and its area; no row when it is revoked or has expired.
SELECT p.id, p.name, p.username, p.worker_id, p.unit_code, t.used_at AS last_at, t.scope,
       ARRAY(SELECT g.role || ' ' || g.area_code FROM grants g WHERE g.person_id = p.id ORDER BY 1) AS grants
  FROM tokens t
  JOIN people p ON p.id = t.person_id
 WHERE t.secret_sha256 = :secret AND (t.expires_at IS NULL OR t.expires_at > :at)
   AND t.revoked_at IS NULL AND p.active;

-- name: account
-- What signing in needs to know of a username.
SELECT id, username, name, password_hash, active FROM people WHERE username = :username;

-- name: tokens
-- Every token, newest first: all but its secret, which nobody knows.
SELECT t.name, p.username, t.scope, t.created_at, t.expires_at, t.revoked_at, t.used_at
  FROM tokens t JOIN people p ON p.id = t.person_id
 ORDER BY t.created_at DESC, t.name;

-- name: demo_accounts
-- The accounts whose password is public, with role and area.
SELECT p.username, p.name, g.role, a.name AS area
  FROM people p
  JOIN grants g ON g.person_id = p.id
  JOIN areas a ON a.code = g.area_code
 WHERE p.demo AND p.active
 ORDER BY p.id;

-- name: demo_worker
-- A worker to try the city with: one who holds cells as of now, on duty if there is one.
SELECT w.id, w.name, w.home_code
  FROM workers w
 WHERE w.active
   AND EXISTS (SELECT FROM posts h WHERE h.worker_id = w.id AND h.role = 'primary' AND h.during @> CAST(:at AS timestamptz))
 ORDER BY EXISTS (SELECT FROM shifts d WHERE d.worker_id = w.id AND d.during @> CAST(:at AS timestamptz)) DESC,
          w.code
 LIMIT 1;

-- name: demo_person
-- Make or renew a demo account; a real account of that name stays as it is, and no row comes back.
INSERT INTO people AS p (username, name, password_hash, worker_id, unit_code, demo)
VALUES (:username, :called, :password_hash, :worker_id, (SELECT code FROM units WHERE code = :unit), true)
ON CONFLICT (username) DO UPDATE
   SET name = excluded.name, password_hash = excluded.password_hash, worker_id = excluded.worker_id,
       unit_code = excluded.unit_code, active = true
 WHERE p.demo
RETURNING id;

-- name: attempt_row
-- Lock the row that counts failed attempts of one account from one address, and return it as it was.
INSERT INTO rate_buckets AS b (key, window_start, count) VALUES (:key, :at, 0)
ON CONFLICT (key) DO UPDATE SET count = b.count
RETURNING b.count AS failures, b.window_start;

-- name: count_attempt
UPDATE rate_buckets SET count = :count, window_start = :at WHERE key = :key;

-- name: forget_attempts
DELETE FROM rate_buckets WHERE key = :key;

-- name: take
-- Take `amount` from the bucket of this window, and return how much was taken from it so far.
INSERT INTO rate_buckets AS b (key, window_start, count) VALUES (:key, :window_start, :amount)
ON CONFLICT (key) DO UPDATE
   SET count = CASE WHEN b.window_start = excluded.window_start THEN b.count ELSE 0 END + excluded.count,
       window_start = excluded.window_start
RETURNING b.count;
