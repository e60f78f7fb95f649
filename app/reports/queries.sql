-- Facts of cases from their steps, and what has changed.

-- name: write_facts
-- Write the facts of these cases anew. Steps count in the order (at, id). "The last" of what may happen
-- again: a rework, an order, a reopening or a new dispatch makes an earlier feedback void.
WITH taken AS (
    SELECT s.case_id, s.step, s.from_status, s.to_status, s.at, s.by_person, s.worker_id, s.unit_code, s.data,
           row_number() OVER following AS n, lead(s.at) OVER following AS until
    FROM case_steps s
    WHERE s.case_id = ANY (CAST(:ids AS uuid[]))
    WINDOW following AS (PARTITION BY s.case_id ORDER BY s.at, s.id)
), once AS (
    SELECT case_id,
           min(at) FILTER (WHERE step = 'accept') AS accepted_at,
           min(n) FILTER (WHERE step = 'accept') AS accept_n,
           min(at) FILTER (WHERE step = 'verify') AS verify_asked_at,
           min(n) FILTER (WHERE step = 'verify') AS verify_n,
           min(at) FILTER (WHERE step = 'file') AS filed_at,
           min(n) FILTER (WHERE step = 'file') AS file_n,
           min(at) FILTER (WHERE step = 'dispatch') AS dispatched_at,
           min(n) FILTER (WHERE step = 'dispatch') AS dispatch_n,
           count(DISTINCT unit_code) FILTER (WHERE step = 'dispatch') > 1 AS resent,
           min(at) FILTER (WHERE step = 'return') AS returned_at,
           min(n) FILTER (WHERE step = 'return') AS return_n,
           coalesce(max(n) FILTER (WHERE step IN ('dispatch', 'order')), 0) AS handed_n,
           coalesce(max(n) FILTER (WHERE step IN ('return', 'reopen')), 0) AS away_n,
           coalesce(max(n) FILTER (WHERE step = 'reopen'), 0) AS reopen_n,
           coalesce(max(n) FILTER (WHERE step IN ('rework', 'order', 'reopen', 'dispatch', 'return')), 0)
               AS undone_n,
           max(n) FILTER (WHERE step = 'feedback') AS feedback_n,
           max(n) FILTER (WHERE from_status = 'reported' AND step IN ('answer', 'call_back')) AS answer_n,
           count(*) FILTER (WHERE step = 'rework') AS reworks,
           max(n) FILTER (WHERE step = 'check') AS check_n,
           max(n) FILTER (WHERE to_status = 'callback' AND from_status <> 'callback') AS called_n,
           max(n) FILTER (WHERE step IN ('satisfied', 'dissatisfied', 'hold_to_account')) AS rated_n,
           min(at) FILTER (WHERE step = 'supervise' OR to_status = 'supervised') AS supervised_at,
           max(n) FILTER (WHERE step = 'suspend') AS suspend_n,
           max(n) FILTER (WHERE to_status = 'closed') AS close_n,
           bool_or(to_status NOT IN ('reported', 'verifying', 'void', 'merged')) AS valid
    FROM taken
    GROUP BY case_id
), then_ AS (
    SELECT t.case_id,
           min(by_person) FILTER (WHERE n = accept_n) AS accepted_by,
           min(by_person) FILTER (WHERE n = verify_n) AS verify_asked_by,
           min(at) FILTER (WHERE n > verify_n AND step = 'verified') AS verified_at,
           (array_agg(worker_id ORDER BY n) FILTER (WHERE n > verify_n AND step = 'verified'))[1] AS verifier,
           min(by_person) FILTER (WHERE n = file_n) AS filed_by,
           min(by_person) FILTER (WHERE n = dispatch_n) AS dispatched_by,
           min(unit_code) FILTER (WHERE n = dispatch_n) AS first_unit,
           min(unit_code) FILTER (WHERE n = return_n) AS returned_by,
           min(unit_code) FILTER (WHERE n = handed_n) AS handed_unit,
           min(at) FILTER (WHERE n = feedback_n AND n > undone_n) AS handled_at,
           min(at) FILTER (WHERE n = answer_n AND n > undone_n) AS answered_at,
           min(at) FILTER (WHERE n = check_n) AS check_asked_at,
           min(by_person) FILTER (WHERE n = check_n) AS check_asked_by,
           min(at) FILTER (WHERE n > check_n AND step IN ('checked', 'rework', 'pass', 'call_back'))
               AS checked_at,
           (array_agg(worker_id ORDER BY n) FILTER (WHERE n > check_n AND step IN
               ('checked', 'rework', 'pass', 'call_back')))[1] AS checker,
           min(at) FILTER (WHERE n = called_n) AS called_at,
           min(at) FILTER (WHERE n > called_n AND step IN
               ('satisfied', 'dissatisfied', 'hold_to_account', 'unreached')) AS visited_at,
           coalesce(bool_or(n > called_n AND step IN ('satisfied', 'dissatisfied', 'hold_to_account')), false)
               AS answered,
           min(at) FILTER (WHERE n = rated_n) AS rated_at,
           min(CASE WHEN step = 'satisfied' THEN coalesce(data ->> 'score', 'satisfied')
                    ELSE 'dissatisfied' END) FILTER (WHERE n = rated_n) AS rating,
           min(at) FILTER (WHERE n = suspend_n) AS suspended_from,
           min(at) FILTER (WHERE n > suspend_n AND step = 'resume') AS suspended_to,
           min(by_person) FILTER (WHERE n = close_n AND step = 'pass') AS closed_by
    FROM taken t JOIN once USING (case_id)
    GROUP BY t.case_id
), hands AS (
    SELECT t.case_id,
           sum(extract(epoch FROM until - at)) AS natural_s,
           sum(b.before_s + b.worked_s - a.before_s - a.worked_s) AS working_s
    FROM taken t JOIN once USING (case_id)
    JOIN LATERAL (
        SELECT before_s, (
            SELECT coalesce(sum(least(greatest(extract(epoch FROM (t.at AT TIME ZONE 'Asia/Shanghai')::time)
                                               - d.periods[i], 0), d.periods[i + 1] - d.periods[i])), 0)
            FROM generate_series(1, cardinality(d.periods), 2) i
        ) AS worked_s
        FROM figure_work_days d WHERE day = (t.at AT TIME ZONE 'Asia/Shanghai')::date
    ) a ON true
    JOIN LATERAL (
        SELECT before_s, (
            SELECT coalesce(sum(least(greatest(extract(epoch FROM (t.until AT TIME ZONE 'Asia/Shanghai')::time)
                                               - d.periods[i], 0), d.periods[i + 1] - d.periods[i])), 0)
            FROM generate_series(1, cardinality(d.periods), 2) i
        ) AS worked_s
        FROM figure_work_days d WHERE day = (t.until AT TIME ZONE 'Asia/Shanghai')::date
    ) b ON true
    WHERE n >= handed_n AND n < feedback_n AND feedback_n > undone_n AND handed_n > 0
      AND to_status IN ('dispatched', 'handling')
    GROUP BY t.case_id
), excused AS (
    SELECT case_id, array_agg(stage ORDER BY stage) AS stages
    FROM figure_objections WHERE upheld AND case_id = ANY (CAST(:ids AS uuid[]))
    GROUP BY case_id
), owed AS (
    SELECT c.id AS case_id,
           o.reopen_n IS NULL OR o.reopen_n <= o.handed_n AS running,
           o.handed_n > o.away_n AS handed,
           t.called_at IS NOT NULL OR a.case_id IS NOT NULL
               OR c.source IN ('citizen', 'web') AND c.reported_by IS NOT NULL AS visits
    FROM cases c
    LEFT JOIN once o ON o.case_id = c.id
    LEFT JOIN then_ t ON t.case_id = c.id
    LEFT JOIN appeals a ON a.case_id = c.id AND a.tell AND a.phone IS NOT NULL
    WHERE c.id = ANY (CAST(:ids AS uuid[]))
)
INSERT INTO case_facts (
    case_id, reported_at, accepted_at, verify_asked_at, verified_at, filed_at, dispatched_at, returned_at,
    handle_due, handled_at, reply_due, replied_at, check_asked_at, checked_at, called_at, visited_at, rated_at,
    supervised_at, suspended_from, suspended_to, close_due, closed_at, worker_id, verifier_id, checker_id,
    accepted_by, verify_asked_by, filed_by, dispatched_by, check_asked_by, closed_by, handle_s, handle_work_s,
    reworks, valid, resent, answered, unreasonable, kind, type_code, source, community_code, cell_code,
    unit_code, first_unit, returned_by, rating, out, exempt
)
SELECT c.id, c.received_at, o.accepted_at, o.verify_asked_at, t.verified_at, o.filed_at, o.dispatched_at,
       o.returned_at,
       CASE WHEN w.handed THEN c.due_at END,
       t.handled_at,
       CASE WHEN c.kind = 'appeal' AND w.running THEN c.due_at END,
       CASE WHEN c.kind = 'appeal' THEN coalesce(t.handled_at, t.answered_at) END,
       t.check_asked_at, t.checked_at, t.called_at, t.visited_at, t.rated_at, o.supervised_at,
       t.suspended_from, t.suspended_to,
       CASE WHEN w.running
            THEN c.due_at + make_interval(secs => :close_after_s + CASE WHEN w.visits THEN :visit_after_s
                                                                        ELSE 0 END) END,
       c.closed_at, c.worker_id,
       coalesce(t.verifier, CASE WHEN c.status = 'verifying' THEN c.checker_id END),
       CASE WHEN t.checked_at IS NOT NULL THEN t.checker
            WHEN c.status = 'checking' THEN c.checker_id END,
       t.accepted_by, t.verify_asked_by, t.filed_by, t.dispatched_by, t.check_asked_by, t.closed_by,
       CASE WHEN t.handled_at IS NOT NULL THEN round(h.natural_s) END,
       CASE WHEN t.handled_at IS NOT NULL THEN round(h.working_s) END,
       coalesce(o.reworks, 0), coalesce(o.valid, false), coalesce(o.resent, false),
       coalesce(t.answered, false), coalesce('rating' = ANY (x.stages), false),
       c.kind, c.type_code, c.source, c.community_code, c.cell_code,
       coalesce(t.handed_unit, c.unit_code),
       coalesce(t.first_unit, CASE WHEN o.dispatched_at IS NOT NULL THEN c.unit_code END),
       CASE WHEN o.returned_at IS NOT NULL THEN coalesce(t.returned_by, t.first_unit) END,
       t.rating,
       CASE WHEN c.status IN ('void', 'merged') THEN c.status END,
       x.stages
FROM cases c
LEFT JOIN once o ON o.case_id = c.id
LEFT JOIN then_ t ON t.case_id = c.id
LEFT JOIN hands h ON h.case_id = c.id
LEFT JOIN excused x ON x.case_id = c.id
JOIN owed w ON w.case_id = c.id
WHERE c.id = ANY (CAST(:ids AS uuid[]))
ORDER BY c.received_at, c.id
ON CONFLICT (case_id) DO UPDATE SET
    (reported_at, accepted_at, verify_asked_at, verified_at, filed_at, dispatched_at, returned_at,
     handle_due, handled_at, reply_due, replied_at, check_asked_at, checked_at, called_at, visited_at, rated_at,
     supervised_at, suspended_from, suspended_to, close_due, closed_at, worker_id, verifier_id, checker_id,
     accepted_by, verify_asked_by, filed_by, dispatched_by, check_asked_by, closed_by, handle_s, handle_work_s,
     reworks, valid, resent, answered, unreasonable, kind, type_code, source, community_code, cell_code,
     unit_code, first_unit, returned_by, rating, out, exempt)
    = (excluded.reported_at, excluded.accepted_at, excluded.verify_asked_at, excluded.verified_at,
       excluded.filed_at, excluded.dispatched_at, excluded.returned_at, excluded.handle_due,
       excluded.handled_at, excluded.reply_due, excluded.replied_at, excluded.check_asked_at,
       excluded.checked_at, excluded.called_at, excluded.visited_at, excluded.rated_at,
       excluded.supervised_at, excluded.suspended_from, excluded.suspended_to, excluded.close_due,
       excluded.closed_at, excluded.worker_id, excluded.verifier_id, excluded.checker_id,
       excluded.accepted_by, excluded.verify_asked_by, excluded.filed_by, excluded.dispatched_by,
       excluded.check_asked_by, excluded.closed_by, excluded.handle_s, excluded.handle_work_s,
       excluded.reworks, excluded.valid, excluded.resent, excluded.answered, excluded.unreasonable,
       excluded.kind, excluded.type_code, excluded.source, excluded.community_code, excluded.cell_code,
       excluded.unit_code, excluded.first_unit, excluded.returned_by, excluded.rating, excluded.out,
       excluded.exempt);

-- name: changed
-- The events after the cursor, in commit order, below what is still being written: none is missed.
SELECT xid::text AS xid, id, subject
FROM events
WHERE (xid, id) > (CAST(:xid AS xid8), CAST(:event_id AS bigint))
  AND xid < pg_snapshot_xmin(pg_current_snapshot())
  AND kind IN ('case_reported', 'case_step')
ORDER BY xid, id
LIMIT :most;

-- name: missing
-- Cases without facts: what an import wrote without events.
SELECT c.id
FROM cases c
WHERE NOT EXISTS (SELECT FROM case_facts f WHERE f.case_id = c.id)
ORDER BY c.received_at, c.id
LIMIT :most;

-- name: newest_event
-- Where the events end now, for a start from nothing.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: day_span
-- The days that the working calendar has to cover.
SELECT min((received_at AT TIME ZONE 'Asia/Shanghai')::date) AS first FROM cases;

-- name: areas_named
-- The names of areas.
SELECT code AS key, name AS name_zh, name AS name_en FROM areas WHERE code = ANY (CAST(:keys AS text[]));

-- name: units_named
-- The names of units.
SELECT code AS key, name_zh, name_en FROM units WHERE code = ANY (CAST(:keys AS text[]));

-- name: types_named
-- The names of types.
SELECT code AS key, name_zh, name_en FROM case_types WHERE code = ANY (CAST(:keys AS text[]));

-- name: workers_named
-- The codes of workers, and their names.
SELECT id::text AS key, code, name FROM workers WHERE id = ANY (CAST(:keys AS bigint[]));

-- name: people_named
-- The names of people.
SELECT id::text AS key, username AS code, name FROM people WHERE id = ANY (CAST(:keys AS bigint[]));

-- name: weights
-- The newest weights of each post.
SELECT DISTINCT ON (post) post, weights FROM figure_weights ORDER BY post, version DESC;

-- name: weight_versions
-- Every version of the weights.
SELECT w.post, w.version, w.weights, w.at, p.name AS by, w.reason
FROM figure_weights w LEFT JOIN people p ON p.id = w.by_person
ORDER BY w.at DESC, w.post, w.version DESC;

-- name: published
-- What was published, newest first.
SELECT s.id, s.first_day, s.last_day, s.area_code, a.name AS area, s.revision, s.reason, p.name AS by, s.at,
       s.figures, s.definitions, encode(s.sha256, 'hex') AS sha256
FROM published_figures s JOIN areas a ON a.code = s.area_code JOIN people p ON p.id = s.by_person
WHERE CAST(:id AS bigint) IS NULL OR s.id = :id
ORDER BY s.last_day DESC, s.first_day DESC, s.area_code, s.revision DESC
LIMIT 200;

-- name: objections
-- Appraisal objections, the undecided first.
SELECT o.id, o.case_id, c.no, c.community_code, o.stage, o.reason, p.name AS by, o.at, d.name AS decided_by,
       o.decided_at, o.upheld
FROM figure_objections o
JOIN cases c ON c.id = o.case_id
JOIN people p ON p.id = o.by_person
LEFT JOIN people d ON d.id = o.decided_by
ORDER BY o.decided_at IS NOT NULL, o.at DESC
LIMIT 200;

-- name: refreshed_at
-- When the facts were last brought up to date.
SELECT at FROM figure_state;

-- name: state
-- How far the facts follow the events.
SELECT xid::text AS xid, event_id FROM figure_state;

-- name: keep_state
-- Remember how far the facts follow the events.
INSERT INTO figure_state (id, xid, event_id, at) VALUES (1, CAST(:xid AS xid8), :event_id, :at)
ON CONFLICT (id) DO UPDATE SET xid = excluded.xid, event_id = excluded.event_id, at = excluded.at;

-- name: towns
-- The outlines of all towns.
SELECT code, name, ST_AsBinary(geom) AS shape FROM areas WHERE level = 'town' ORDER BY code;
