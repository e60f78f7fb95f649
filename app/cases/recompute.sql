-- name: next_open
-- The next open cases behind a cursor.
SELECT c.id
FROM cases c
WHERE c.closed_at IS NULL AND (CAST(:cursor AS uuid) IS NULL OR c.id > CAST(:cursor AS uuid))
ORDER BY c.id
LIMIT :limit;

-- name: count_open
-- How many cases a change of the calendar is carried to.
SELECT count(*) FROM cases c WHERE c.closed_at IS NULL;

-- name: lock_open
-- Lock cases in one order, before they are read: who waits for a lock would see the rest as it was before.
SELECT c.id FROM cases c WHERE c.id = ANY (CAST(:ids AS uuid[])) ORDER BY c.id FOR UPDATE;

-- name: to_recompute
-- Those of these cases that a change was not yet carried to, with what their clocks are made of.
SELECT c.id, c.kind, c.type_code, c.status, c.community_code, c.received_at, c.due_at, c.checker_id,
       c.stage_due_at, c.warn_at, c.clock_kind, c.limit_value, c.clock_left_s, c.extensions, c.level,
       c.handovers, c.warned, c.acts_at, c.suspended_until, t.clock AS type_clock,
       t.limit_value AS type_limit, a.nature
FROM cases c
JOIN case_types t ON t.code = c.type_code
LEFT JOIN appeals a ON a.case_id = c.id
WHERE c.id = ANY (CAST(:ids AS uuid[])) AND c.closed_at IS NULL
  AND NOT EXISTS (SELECT FROM calendar_moves m WHERE m.change_id = :change AND m.case_id = c.id)
ORDER BY c.id;

-- name: clock_steps
-- When the clocks of these cases last began to run, and when each came to the status that it has.
SELECT s.case_id,
       max(s.at) FILTER (WHERE s.step = ANY (CAST(:beginning AS text[]))) AS began_at,
       max(s.at) FILTER (WHERE s.from_status IS DISTINCT FROM s.to_status) AS entered_at
FROM case_steps s
WHERE s.case_id = ANY (CAST(:ids AS uuid[]))
GROUP BY s.case_id;

-- name: move
-- The new moments of cases, each with the system's note and the event; the caller holds the locks.
WITH moved AS (
    SELECT * FROM unnest(
        CAST(:ids AS uuid[]), CAST(:due AS timestamptz[]), CAST(:stage AS timestamptz[]),
        CAST(:warn AS timestamptz[]), CAST(:warned AS boolean[]), CAST(:acts AS timestamptz[]),
        CAST(:data AS text[])
    ) AS v (id, due_at, stage_due_at, warn_at, warned, acts_at, data)
),
changed AS (
    UPDATE cases c SET
        due_at = v.due_at, stage_due_at = v.stage_due_at, warn_at = v.warn_at, warned = v.warned,
        acts_at = v.acts_at, revision = c.revision + 1
    FROM moved v
    WHERE c.id = v.id
    RETURNING c.id, c.status, c.unit_code, c.community_code, case_card(c) AS card, v.data
),
step AS (
    INSERT INTO case_steps (case_id, at, step, from_status, to_status, note, by_role, unit_code, data)
    SELECT id, :at, 'note', status, status, :note, 'system', unit_code, CAST(data AS jsonb)
    FROM changed
)
INSERT INTO events (at, kind, subject, area_code, payload)
SELECT :at, 'case_step', CAST(id AS text), community_code,
       card || jsonb_build_object('last_step', jsonb_build_object(
           'step', 'note', 'from', status, 'to', status, 'at', CAST(:at AS timestamptz),
           'by_role', 'system', 'unit', unit_code))
FROM changed;

-- name: carried
-- Remember that a change was carried to these cases, and what it made of their due moments.
INSERT INTO calendar_moves (change_id, case_id, due_before, due_after, moved)
SELECT :change, v.id, v.due_before, v.due_after, v.moved
FROM unnest(CAST(:ids AS uuid[]), CAST(:before AS timestamptz[]), CAST(:after AS timestamptz[]),
            CAST(:moved AS boolean[])) AS v (id, due_before, due_after, moved);

-- name: change_carried
-- A change as a step finds it: not locked, since the job holds it while it waits for a case.
SELECT c.id, c.progress, c.before, c.cursor FROM calendar_changes c WHERE c.id = :id;

-- name: oldest_carried
-- The change that waits to be carried to the open cases.
SELECT c.id FROM calendar_changes c WHERE c.progress IN ('waiting', 'running') ORDER BY c.version LIMIT 1;

-- name: begin_carrying
-- The count of open cases, as the page shows how far it has come.
UPDATE calendar_changes SET progress = 'running', cases = :cases WHERE id = :id AND progress = 'waiting';

-- name: carried_to
-- How far a change was carried; without a cursor it is done.
UPDATE calendar_changes SET
    cursor = coalesce(CAST(:cursor AS uuid), cursor), seen = seen + :seen,
    moved = (SELECT count(*) FROM calendar_moves m WHERE m.change_id = :id AND m.moved),
    progress = CASE WHEN CAST(:cursor AS uuid) IS NULL THEN 'done' ELSE progress END,
    finished_at = CASE WHEN CAST(:cursor AS uuid) IS NULL THEN CAST(:at AS timestamptz) END
WHERE id = :id;
