-- name: dossier
-- What a case's page shows beside its card: clock, counters, people, standard, appellant (masked), open request.
SELECT c.clock_kind, c.limit_value, c.extensions, c.returns, c.reworks, c.suspensions, c.dissatisfactions, c.calls,
       h.name AS handler, v.name AS supervisor,
       s.condition_zh, s.condition_en, s.close_zh, s.close_en,
       (SELECT array_agg(u.code ORDER BY u.code) FROM units u WHERE u.code = ANY (c.assisting)) AS assisting,
       a.nature, a.wish, a.address <> '' AS address, a.tell,
       left(a.name, 1) || repeat('*', least(greatest(length(a.name) - 1, 1), 2)) AS caller,
       CASE WHEN length(a.phone) >= 8 THEN left(a.phone, 3) || '****' || right(a.phone, 4)
            WHEN a.phone IS NOT NULL THEN '****' END AS phone,
       r.step AS asked, r.reason AS asked_reason, r.data ->> 'until' AS asked_until, r.at AS asked_at,
       p.name AS asked_by, i.no AS into_no
FROM cases c
LEFT JOIN people h ON h.id = c.handler_id
LEFT JOIN people v ON v.id = c.supervisor_id
LEFT JOIN case_standards s ON s.id = c.standard_id
LEFT JOIN appeals a ON a.case_id = c.id
LEFT JOIN case_requests r ON r.case_id = c.id AND r.decided_at IS NULL
LEFT JOIN people p ON p.id = r.by_person
LEFT JOIN cases i ON i.id = c.merged_into
WHERE c.id = :id;

-- name: neighbours
-- Cases of the same facility, of the same caller, and within :near_m since :since, of those that the viewer
-- sees; each once, for its strongest reason.
WITH this AS (
    SELECT c.id, c.facility_id, c.geom, a.phone
    FROM cases c
    LEFT JOIN appeals a ON a.case_id = c.id AND CAST(:personal AS boolean)
    WHERE c.id = :id
),
found AS (
    (SELECT 1 AS rank, n.id
     FROM this t
     JOIN cases n ON n.facility_id = t.facility_id AND n.id <> t.id
     ORDER BY n.received_at DESC
     LIMIT 8)
    UNION ALL
    (SELECT 2, x.case_id
     FROM this t
     JOIN appeals x ON x.phone = t.phone AND x.case_id <> t.id
     LIMIT 8)
    UNION ALL
    (SELECT 3, n.id
     FROM this t
     JOIN cases n ON n.geom && box_around(t.geom, :near_m) AND n.id <> t.id
     WHERE n.received_at >= :since AND ST_DWithin(n.geom::geography, t.geom::geography, :near_m)
     ORDER BY n.received_at DESC
     LIMIT 12)
),
once AS (
    SELECT DISTINCT ON (id) id, rank FROM found ORDER BY id, rank
)
SELECT n.id, n.no, (ARRAY['facility', 'caller', 'near'])[o.rank] AS why, k.name_zh, k.name_en, n.status,
       n.received_at, n.closed_at, n.text, ST_X(n.geom) AS lon, ST_Y(n.geom) AS lat,
       ST_Distance(n.geom::geography, t.geom::geography) AS metres
FROM once o
JOIN cases n ON n.id = o.id
JOIN case_types k ON k.code = n.type_code
CROSS JOIN this t
WHERE n.community_code LIKE ANY (CAST(:patterns AS text[]))
   OR n.worker_id = CAST(:worker AS bigint) OR n.checker_id = CAST(:worker AS bigint)
   OR n.unit_code = CAST(:unit AS text) OR n.reported_by = CAST(:person AS bigint)
ORDER BY o.rank, n.received_at DESC
LIMIT 20;

-- name: likely
-- Open cases that a report may be a duplicate of: the same type, and near in place and time (as the type says)
-- or about the same facility.
SELECT c.id, c.no, c.community_code, c.status, c.received_at, c.text, c.worker_id, c.unit_code, c.reported_by,
       k.code AS type_code, k.name_zh, k.name_en,
       ST_Distance(c.geom::geography, place.geom::geography) AS metres,
       coalesce(c.facility_id = f.id, false) AS same_facility
FROM case_types k
CROSS JOIN (SELECT ST_SetSRID(ST_MakePoint(CAST(:lon AS float8), CAST(:lat AS float8)), 4326) AS geom) place
LEFT JOIN facilities f ON f.code = CAST(:facility AS text)
JOIN cases c ON c.closed_at IS NULL AND c.type_code = k.code
    AND (c.facility_id = f.id OR c.geom && box_around(place.geom, k.merge_m))
WHERE k.code = :type
  AND (CAST(:without AS uuid) IS NULL OR c.id <> CAST(:without AS uuid))
  AND (c.facility_id = f.id
       OR ST_DWithin(c.geom::geography, place.geom::geography, k.merge_m)
          AND abs(extract(epoch FROM c.received_at - CAST(:at AS timestamptz))) <= k.merge_h * 3600)
ORDER BY c.facility_id = f.id DESC NULLS LAST, metres, c.received_at
LIMIT 8;

-- name: callers_open
-- Open cases of the person with this telephone number, the newest first.
SELECT c.id, c.no, c.community_code, c.status, c.received_at, c.text, c.type_code, k.name_zh, k.name_en,
       c.kind
FROM appeals a
JOIN cases c ON c.id = a.case_id AND c.closed_at IS NULL
JOIN case_types k ON k.code = c.type_code
WHERE a.phone = :phone
ORDER BY c.received_at DESC
LIMIT 8;

-- name: unit_choices
-- Departments that a case of this community can be given to: the city's, and the towns' own.
SELECT u.code, u.name_zh, u.name_en, length(u.area_code) > 6 AS town
FROM units u
WHERE u.active AND (length(u.area_code) = 6 OR left(:community, length(u.area_code)) = u.area_code)
ORDER BY length(u.area_code), u.code;

-- name: worker_choices
-- Who can be sent to look at a case: its cell's holder, then the nearest on duty; never who handled it.
SELECT w.code, w.name, w.id = c.worker_id AS holds, ST_Distance(w.position::geography, c.geom::geography) AS metres
FROM cases c
JOIN workers w ON w.active
WHERE c.id = :id
  AND (w.id = c.worker_id
       OR EXISTS (SELECT FROM shifts s WHERE s.worker_id = w.id AND s.during @> CAST(:at AS timestamptz)))
  AND NOT EXISTS (SELECT FROM people p WHERE p.id = c.handler_id AND p.worker_id = w.id)
ORDER BY w.id = c.worker_id DESC NULLS LAST, w.position <-> c.geom, w.code
LIMIT 12;

-- name: community_choices
-- The communities within an area, by town.
SELECT a.code, a.name, up.name AS town
FROM areas a
JOIN areas up ON up.code = a.parent_code
WHERE a.level = 'community' AND a.code LIKE :pattern
ORDER BY a.code;

-- name: unit_names
-- Every department by its code.
SELECT code, name_zh, name_en FROM units ORDER BY code;

-- name: views
-- The views that somebody keeps.
SELECT id, name, query FROM views WHERE person_id = :person ORDER BY id;

-- name: keep_view
-- Keep a view under a name; the name again is the view anew.
INSERT INTO views (person_id, name, query)
SELECT :person, :name, :query
WHERE (SELECT count(*) FROM views WHERE person_id = :person) < :most
ON CONFLICT (person_id, name) DO UPDATE SET query = excluded.query
RETURNING id;

-- name: drop_view
-- Forget a view of one's own.
DELETE FROM views WHERE id = :id AND person_id = :person;

-- name: places_named
-- Areas by code, with where they lie and what they lie in.
SELECT a.code, a.name, a.level, up.name AS within, ST_X(p.at) AS lon, ST_Y(p.at) AS lat
FROM unnest(CAST(:codes AS text[])) WITH ORDINALITY o (code, place)
JOIN areas a ON a.code = o.code
LEFT JOIN areas up ON up.code = a.parent_code
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(a.geom) AS at) p
ORDER BY o.place;
