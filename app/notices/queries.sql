-- name: place
-- The reader's place, held until the commit; none when another reader holds it. `ahead`: the transaction it names is
-- later than any that there is, as after a dump was restored elsewhere.
SELECT xid::text AS xid, event_id, floor_id, xid >= pg_snapshot_xmax(pg_current_snapshot()) AS ahead
FROM notice_cursor
FOR UPDATE SKIP LOCKED;

-- name: events
-- The events after the place, in commit order, below what is still being written: none is missed. With :ahead, what
-- the restored dump still held behind the place.
SELECT e.id, e.xid::text AS xid, e.kind, e.payload -> 'last_step' ->> 'step' AS step, e.payload ->> 'status' AS status
FROM events e
WHERE (e.xid, e.id) > (CAST(CAST(:xid AS text) AS xid8), CAST(:event_id AS bigint))
  AND e.id > :floor_id
  AND CASE WHEN CAST(:ahead AS boolean) THEN e.xid >= pg_snapshot_xmax(pg_current_snapshot())
           ELSE e.xid < pg_snapshot_xmin(pg_current_snapshot()) END
ORDER BY e.xid, e.id
LIMIT :most;

-- name: newest_ahead
-- The last event that a restored dump brought.
SELECT coalesce(max(e.id), 0) AS id FROM events e WHERE e.xid >= pg_snapshot_xmax(pg_current_snapshot());

-- name: move
-- Remember how far the events are told.
UPDATE notice_cursor
SET xid = CAST(CAST(:xid AS text) AS xid8), event_id = :event_id, floor_id = :floor_id;

-- name: tell
-- The notices of events and their deliveries: for each (event, whom, kind) find the people, leave out who took the
-- step, and write what is not written yet. Who holds, looks at and handles a case is as the event says it; the
-- supervisor, the signer and the persons behind it are the case's own.
WITH RECURSIVE asked AS (
    SELECT * FROM unnest(CAST(:events AS bigint[]), CAST(:whoms AS text[]), CAST(:kinds AS text[]))
        AS a (event_id, whom, kind)
),
told AS MATERIALIZED (
    SELECT a.event_id, a.whom, a.kind, e.at, e.area_code, c.id AS case_id, c.handler_id, c.supervisor_id,
           e.payload #>> '{worker,code}' AS worker, e.payload #>> '{checker,code}' AS checker,
           e.payload #>> '{unit,code}' AS unit, e.payload ->> 'no' AS no, e.payload ->> 'status' AS status,
           e.payload #>> '{type,name_zh}' AS type_zh, e.payload #>> '{type,name_en}' AS type_en,
           coalesce(e.payload #>> '{last_step,step}', 'report') AS step,
           (SELECT s.by_person
            FROM case_steps s
            WHERE s.case_id = c.id
              AND s.at = CAST(e.payload #>> '{last_step,at}' AS timestamptz)
              AND s.step = e.payload #>> '{last_step,step}'
            LIMIT 1) AS actor_id
    FROM asked a
    JOIN events e ON e.id = a.event_id
    -- other kinds of events are about other things, and a plan may look at them too
    JOIN cases c ON c.id = CASE WHEN e.kind IN ('case_reported', 'case_step') THEN CAST(e.subject AS uuid) END
),
behind (event_id, kind, case_id) AS (
    SELECT t.event_id, t.kind, t.case_id FROM told t WHERE t.whom = 'person'
    UNION
    SELECT b.event_id, b.kind, c.id FROM behind b JOIN cases c ON c.merged_into = b.case_id
),
persons AS (
    -- whoever reported it for themselves, with an account; staff who report are no persons behind a case
    SELECT b.event_id, b.kind, b.case_id, p.id AS person_id
    FROM behind b
    JOIN cases c ON c.id = b.case_id
    LEFT JOIN people p ON p.id = c.reported_by AND p.active
         AND (c.source IN ('citizen', 'web')
              OR NOT EXISTS (SELECT FROM grants g WHERE g.person_id = p.id AND g.role <> 'citizen'))
),
found (event_id, kind, person_id, appeal_id, case_id) AS (
    SELECT t.event_id, t.kind, p.id, CAST(NULL AS uuid), t.case_id
    FROM told t
    JOIN workers w ON w.code = CASE t.whom WHEN 'holder' THEN t.worker WHEN 'checker' THEN t.checker END
    JOIN people p ON p.worker_id = w.id AND p.active
    UNION
    SELECT t.event_id, t.kind, p.id, NULL, t.case_id
    FROM told t
    JOIN people p ON p.unit_code = t.unit AND p.active
    WHERE (t.whom = 'unit' OR t.whom = 'handler' AND t.handler_id IS NULL)
      AND EXISTS (SELECT FROM grants g WHERE g.person_id = p.id AND g.role = 'handler')
    UNION
    SELECT t.event_id, t.kind, p.id, NULL, t.case_id
    FROM told t
    JOIN people p ON p.id = CASE t.whom WHEN 'handler' THEN t.handler_id WHEN 'supervisor' THEN t.supervisor_id END
                 AND p.active
    UNION
    SELECT t.event_id, t.kind, desk.person_id, NULL, t.case_id
    FROM told t
    CROSS JOIN LATERAL (
        -- the desk nearest to the case: whoever holds the role in the smallest area around it
        SELECT g.person_id, rank() OVER (ORDER BY length(around.prefix) DESC) AS near
        FROM grants g
        JOIN people p ON p.id = g.person_id AND p.active
        CROSS JOIN LATERAL (
            SELECT CASE WHEN g.area_code LIKE '____00' THEN left(g.area_code, 4) ELSE g.area_code END AS prefix
        ) around
        WHERE g.role = t.whom AND t.area_code LIKE around.prefix || '%'
    ) desk
    WHERE desk.near = 1 AND t.whom IN ('operator', 'shift_leader', 'dispatcher', 'committee')
    UNION
    SELECT b.event_id, b.kind, b.person_id, NULL, b.case_id FROM persons b WHERE b.person_id IS NOT NULL
    UNION
    SELECT b.event_id, b.kind, NULL, a.case_id, b.case_id
    FROM persons b
    JOIN appeals a ON a.case_id = b.case_id AND a.tell AND a.phone <> ''
    WHERE b.person_id IS NULL
),
made AS (
    INSERT INTO notices (person_id, appeal_id, case_id, event_id, kind, at, read_at, data)
    SELECT DISTINCT ON (f.event_id, f.person_id, f.appeal_id, f.kind)
           f.person_id, f.appeal_id, f.case_id, f.event_id, f.kind, t.at,
           CASE WHEN NOT coalesce(p.choices -> f.kind, CAST(:defaults AS jsonb) -> f.kind) @> '["app"]' THEN t.at END,
           jsonb_build_object('step', t.step, 'no', c.no, 'type_zh', t.type_zh, 'type_en', t.type_en,
                              'status', t.status)
    FROM found f
    JOIN (SELECT DISTINCT ON (event_id) * FROM told) t ON t.event_id = f.event_id
    JOIN cases c ON c.id = f.case_id
    LEFT JOIN notice_preferences p ON p.person_id = f.person_id
    WHERE f.person_id IS DISTINCT FROM t.actor_id OR f.person_id IS NULL
    ORDER BY f.event_id, f.person_id, f.appeal_id, f.kind, c.received_at
    ON CONFLICT DO NOTHING
    RETURNING id, person_id, appeal_id, kind
),
sent AS (
    INSERT INTO deliveries (notice_id, channel, next_at)
    SELECT m.id, chosen.channel, :at
    FROM made m
    LEFT JOIN notice_preferences p ON p.person_id = m.person_id
    LEFT JOIN people who ON who.id = m.person_id
    LEFT JOIN workers w ON w.id = who.worker_id
    CROSS JOIN LATERAL jsonb_array_elements_text(
        coalesce(p.choices -> m.kind, CAST(:defaults AS jsonb) -> m.kind)
    ) AS chosen (channel)
    WHERE chosen.channel = ANY (CAST(:open AS text[]))
      AND CASE chosen.channel
          WHEN 'email' THEN p.email IS NOT NULL
          WHEN 'webhook' THEN p.webhook_url IS NOT NULL
          WHEN 'sms' THEN m.appeal_id IS NOT NULL OR w.phone <> ''
      END
    RETURNING 1
)
SELECT (SELECT count(*) FROM made) AS notices, (SELECT count(*) FROM sent) AS deliveries;

-- name: take_up
-- Deliveries that a killed sender left behind; whoever asks holds the sender's lock, so that no other sends them.
UPDATE deliveries SET state = 'waiting', next_at = :at, error = 'interrupted: it may have been sent'
WHERE state = 'sending';

-- name: claim
-- Mark the next delivery that is due, and return it with its address. What lies farther ahead than any wait was put
-- off before the clock jumped back.
WITH next AS (
    SELECT d.id
    FROM deliveries d
    WHERE d.state = 'waiting' AND (d.next_at <= :at OR d.next_at > :too_far)
    ORDER BY d.next_at, d.id
    LIMIT 1
    FOR UPDATE
),
claimed AS (
    UPDATE deliveries d SET state = 'sending', tries = d.tries + 1
    FROM next
    WHERE d.id = next.id
    RETURNING d.id, d.notice_id, d.channel, d.tries
)
SELECT d.id, d.channel, d.tries, n.person_id, n.case_id, n.kind, n.at, n.data,
       coalesce(p.language, 'zh') AS language,
       CASE d.channel WHEN 'email' THEN p.email WHEN 'webhook' THEN p.webhook_url
                      ELSE coalesce(a.phone, w.phone) END AS address
FROM claimed d
JOIN notices n ON n.id = d.notice_id
LEFT JOIN notice_preferences p ON p.person_id = n.person_id
LEFT JOIN appeals a ON a.case_id = n.appeal_id
LEFT JOIN people who ON who.id = n.person_id
LEFT JOIN workers w ON w.id = who.worker_id;

-- name: sent
-- It was sent.
UPDATE deliveries SET state = 'sent', sent_at = :at, error = NULL WHERE id = :id;

-- name: put_off
-- It was not sent: wait, or give up after the last try.
UPDATE deliveries
SET state = CASE WHEN CAST(:for_good AS boolean) OR tries >= :most THEN 'failed' ELSE 'waiting' END,
    next_at = CAST(:at AS timestamptz) + CAST(:wait AS interval), error = :error
WHERE id = :id;

-- name: put_off_others
-- What goes the same way waits with it, and counts the same try: whoever does not answer is not asked for each.
UPDATE deliveries d
SET tries = d.tries + 1,
    state = CASE WHEN d.tries + 1 >= :most THEN 'failed' ELSE 'waiting' END,
    next_at = CAST(:at AS timestamptz)
              + least(CAST(:longest AS interval), CAST(:first AS interval) * power(2, least(d.tries, 10))),
    error = :error
WHERE d.state = 'waiting' AND d.channel = :channel AND (d.next_at <= :at OR d.next_at > :too_far)
  AND (CAST(:person AS bigint) IS NULL
       OR EXISTS (SELECT FROM notices n WHERE n.id = d.notice_id AND n.person_id = CAST(:person AS bigint)));

-- name: retry
-- Try again what was given up: one delivery, or all.
UPDATE deliveries SET state = 'waiting', tries = 0, next_at = :at
WHERE state = 'failed' AND (CAST(:id AS uuid) IS NULL OR id = CAST(:id AS uuid));

-- name: unread
-- How many notices somebody has not read; beyond a hundred nobody counts.
SELECT count(*) AS unread
FROM (SELECT FROM notices n WHERE n.person_id = :person AND n.read_at IS NULL LIMIT 100) AS first_hundred;

-- name: notices
-- Somebody's notices, newest first.
SELECT n.id, n.case_id, n.kind, n.at, n.read_at, n.data
FROM notices n
WHERE n.person_id = :person
  AND (CAST(:before AS bigint) IS NULL OR n.id < CAST(:before AS bigint))
  AND (NOT CAST(:unread AS boolean) OR n.read_at IS NULL)
ORDER BY n.id DESC
LIMIT :limit;

-- name: read
-- Somebody read a notice.
UPDATE notices SET read_at = coalesce(read_at, :at) WHERE id = :id AND person_id = :person RETURNING case_id;

-- name: read_all
-- Somebody read all up to the newest one that they saw.
UPDATE notices SET read_at = :at WHERE person_id = :person AND read_at IS NULL AND id <= :up_to;

-- name: preference
-- Where and how somebody wants to be told.
SELECT email, webhook_url, language, choices FROM notice_preferences WHERE person_id = :person;

-- name: prefer
-- Keep where and how somebody wants to be told.
INSERT INTO notice_preferences (person_id, email, webhook_url, language, choices)
VALUES (:person, :email, :webhook_url, :language, CAST(:choices AS jsonb))
ON CONFLICT (person_id) DO UPDATE
SET email = excluded.email, webhook_url = excluded.webhook_url, language = excluded.language,
    choices = excluded.choices;

-- name: states
-- How many deliveries stand how, by channel.
SELECT d.channel, d.state, count(*) AS deliveries FROM deliveries d GROUP BY d.channel, d.state ORDER BY 1, 2;

-- name: failed
-- What was given up, newest first.
SELECT d.id, d.channel, d.tries, d.next_at AS at, d.error, n.data ->> 'no' AS no, p.username
FROM deliveries d
JOIN notices n ON n.id = d.notice_id
LEFT JOIN people p ON p.id = n.person_id
WHERE d.state = 'failed'
ORDER BY d.next_at DESC
LIMIT :limit;

-- name: sweep
-- Delete what is old, with its deliveries.
DELETE FROM notices WHERE at < :before;
