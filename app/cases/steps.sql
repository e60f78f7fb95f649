-- name: lock
-- Lock a case, before it is read: a statement that waits for a lock would see the rest as it was before.
SELECT c.status FROM cases c WHERE c.id = :id FOR UPDATE;

-- name: state
-- A locked case as far as steps ask of it, with its open request and whether somebody is to be visited.
SELECT c.id, c.kind, c.type_code, c.status, c.community_code, c.cell_code, c.received_at, c.due_at,
       c.worker_id, c.desk_code, c.unit_code, c.assisting, c.handler_id, c.checker_id, c.supervisor_id,
       c.standard_id, c.stage_due_at, c.warn_at, c.clock_kind, c.limit_value, c.clock_left_s,
       c.extensions, c.returns, c.reworks, c.suspensions, c.dissatisfactions, c.calls, c.level, c.revision,
       c.closed_at, c.suspended_until, c.merged_into, c.satisfaction, c.reported_by, c.facility_id,
       c.handovers, c.warned, c.acts_at, coalesce(v.by_role, 'operator') AS visitor,
       c.geom IS NOT NULL AS place,
       (c.source IN ('citizen', 'web') AND c.reported_by IS NOT NULL OR a.tell AND a.phone IS NOT NULL)
           IS TRUE AND (hashtext(CAST(c.id AS text)) & 65535) < 65536 * coalesce(v.share, 1) AS person,
       r.step AS asked, r.reason AS asked_reason, r.data AS asked_data,
       EXISTS (SELECT FROM case_steps s WHERE s.key = CAST(:key AS uuid) AND s.case_id = c.id) AS taken
FROM cases c
LEFT JOIN appeals a ON a.case_id = c.id
LEFT JOIN visit_rules v ON v.nature = coalesce(a.nature, 'incident')
LEFT JOIN case_requests r ON r.case_id = c.id AND r.decided_at IS NULL
WHERE c.id = :id;

-- name: write_step
-- The case after a step, the step, the event and the audit's row, in one statement; the caller holds the lock.
WITH changed AS (
    UPDATE cases SET
        status = :status, community_code = :community_code, type_code = :type_code, due_at = :due_at,
        worker_id = :worker_id, desk_code = :desk_code, unit_code = :unit_code,
        assisting = CAST(:assisting AS text[]), handler_id = :handler_id, checker_id = :checker_id,
        supervisor_id = :supervisor_id, standard_id = :standard_id, stage_due_at = :stage_due_at,
        warn_at = :warn_at, clock_kind = :clock_kind, limit_value = :limit_value,
        clock_left_s = :clock_left_s, extensions = :extensions, returns = :returns, reworks = :reworks,
        suspensions = :suspensions, dissatisfactions = :dissatisfactions, calls = :calls, level = :level,
        revision = :revision, closed_at = :closed_at, suspended_until = :suspended_until,
        merged_into = :merged_into, satisfaction = :satisfaction, handovers = :handovers, warned = :warned,
        acts_at = :acts_at
    WHERE id = :id
    RETURNING community_code AS community, unit_code AS unit, case_card(cases) AS card
),
step AS (
    INSERT INTO case_steps (
        case_id, at, step, from_status, to_status, by_person, worker_id, note, key, by_role, unit_code, data
    )
    SELECT :id, :at, :step, :from_status, changed.card ->> 'status', :by_person, :by_worker, :note,
           CAST(:key AS uuid), :by_role, changed.unit, CAST(:data AS jsonb)
    FROM changed
),
event AS (
    INSERT INTO events (at, kind, subject, area_code, payload)
    SELECT :at, 'case_step', CAST(:id AS text), changed.community,
           changed.card || jsonb_build_object('last_step', jsonb_build_object(
               'step', CAST(:step AS text), 'from', CAST(:from_status AS text),
               'to', changed.card ->> 'status', 'at', CAST(:at AS timestamptz),
               'by_role', CAST(:by_role AS text), 'unit', changed.unit))
    FROM changed
),
recorded AS (
    INSERT INTO audit_log (person_id, username, action, subject, area_code, detail)
    SELECT :by_person,
           coalesce((SELECT p.username FROM people p WHERE p.id = CAST(:by_person AS bigint)), CAST(:by_role AS text)),
           'case_step', 'case ' || CAST(:id AS text), changed.community,
           jsonb_strip_nulls(jsonb_build_object(
               'step', CAST(:step AS text), 'from', CAST(:from_status AS text),
               'to', changed.card ->> 'status', 'role', CAST(:by_role AS text), 'unit', changed.unit))
    FROM changed
)
SELECT card FROM changed;

-- name: card
-- A case as everybody gets it.
SELECT case_card(c) AS card FROM cases c WHERE c.id = :id;

-- name: ask
-- Ask for something that another approves.
INSERT INTO case_requests (case_id, step, by_person, at, reason, data)
VALUES (:id, :step, :by, :at, :reason, CAST(:data AS jsonb));

-- name: decide_request
-- End the open request of a case.
UPDATE case_requests SET decided_at = :at, decided_by = :by, approved = :approved
WHERE case_id = :id AND decided_at IS NULL;

-- name: keep_photos
-- Name the photos that a step brings, behind those that the case has.
INSERT INTO case_photos (case_id, sha256, position, stage)
SELECT :id, p.sha256, p.position + (SELECT coalesce(max(k.position), 0) FROM case_photos k WHERE k.case_id = :id), :stage
FROM unnest(CAST(:photos AS text[])) WITH ORDINALITY p (sha256, position)
ON CONFLICT DO NOTHING;

-- name: steps_since
-- Who did what since a revision that somebody saw, oldest first: every step is one revision.
SELECT s.at, s.step, s.by_role, coalesce(p.name, w.name) AS by
FROM case_steps s
LEFT JOIN people p ON p.id = s.by_person
LEFT JOIN workers w ON w.id = s.worker_id
WHERE s.case_id = :id
ORDER BY s.at DESC, s.id DESC
LIMIT :missed;

-- name: standards
-- The filing standards of a type, the first one first.
SELECT id, condition_zh, condition_en, close_zh, close_en, clock, limit_value, unit
FROM case_standards
WHERE type_code = :type
ORDER BY id;

-- name: unit
-- A department by its code, or by the name that a type gives it: a town's own where the name is the towns'.
SELECT u.code
FROM units u
WHERE u.active
  AND (u.code = CAST(:code AS text)
       OR CAST(:code AS text) IS NULL AND u.name_zh = CAST(:named AS text)
       OR CAST(:code AS text) IS NULL AND CAST(:named AS text) = '街道·乡镇' AND u.code = 'K' || left(:community, 9))
LIMIT 1;

-- name: units_known
-- Which of these departments there are.
SELECT u.code FROM units u WHERE u.active AND u.code = ANY (CAST(:codes AS text[]));

-- name: nearest_worker
-- Who is sent to look at a case: the one named, else the holder of its cell, else the nearest on duty; never
-- the person who handled it.
SELECT w.id
FROM workers w
LEFT JOIN cases c ON c.id = :id
WHERE w.active
  AND (CAST(:code AS text) IS NULL OR w.code = CAST(:code AS text))
  AND NOT EXISTS (SELECT FROM people p WHERE p.id = c.handler_id AND p.worker_id = w.id)
  AND (CAST(:code AS text) IS NOT NULL
       OR w.id = c.worker_id
       OR EXISTS (SELECT FROM shifts s WHERE s.worker_id = w.id AND s.during @> CAST(:at AS timestamptz)))
ORDER BY w.id = c.worker_id DESC NULLS LAST, w.position <-> c.geom, w.code
LIMIT 1;

-- name: supervisor
-- Who supervises in an area: of those nearest to it, whoever has the fewest cases open.
SELECT p.id
FROM people p
JOIN grants g ON g.person_id = p.id AND g.role = 'supervisor'
WHERE p.active
  AND CAST(:area AS text) LIKE CASE WHEN g.area_code LIKE '____00' THEN left(g.area_code, 4) ELSE g.area_code END || '%'
ORDER BY length(g.area_code) DESC,
         (SELECT count(*) FROM cases c WHERE c.supervisor_id = p.id AND c.closed_at IS NULL), p.id
LIMIT 1;

-- name: mergeable
-- The case that another may be merged into, locked; how far in metres and seconds, and what it shares.
SELECT t.id, t.no, t.status, t.community_code, t.type_code = c.type_code AS same_type,
       t.facility_id = c.facility_id AS same_facility,
       ST_Distance(t.geom::geography, c.geom::geography) AS metres,
       abs(extract(epoch FROM t.received_at - c.received_at)) AS seconds, k.merge_m, k.merge_h,
       EXISTS (SELECT FROM appeals x JOIN appeals y ON y.phone = x.phone
               WHERE x.case_id = c.id AND y.case_id = t.id) AS same_person
FROM cases t, cases c
JOIN case_types k ON k.code = c.type_code
WHERE t.id = :into AND c.id = :id;

-- name: urged
-- When the person last urged this case.
SELECT max(s.at) AS at FROM case_steps s WHERE s.case_id = :id AND s.step = 'urge' AND s.by_role = 'citizen' AND s.by_person IS NOT DISTINCT FROM CAST(:by AS bigint);

-- name: backup
-- The other worker of a case's cell who is on duty.
SELECT p.worker_id
FROM cases c
JOIN posts p ON p.cell_code = c.cell_code AND p.during @> CAST(:at AS timestamptz)
JOIN workers w ON w.id = p.worker_id AND w.active
WHERE c.id = :id AND p.worker_id IS DISTINCT FROM c.checker_id
  AND EXISTS (SELECT FROM shifts s WHERE s.worker_id = p.worker_id AND s.during @> CAST(:at AS timestamptz))
ORDER BY p.role = 'primary' DESC
LIMIT 1;
