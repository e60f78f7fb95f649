-- name: types
-- What can be reported.
SELECT code, name_zh, name_en, unit, urgency, clock, limit_value, facility_type_code, kind
FROM case_types
ORDER BY code;

-- name: file_report
-- File a report once, and record who did; the function of the same name says what comes of it.
WITH answer AS (
    SELECT outcome, detail, card
    FROM file_report(
        :id, :body, :type, :clock, :limit_value, :lon, :lat, :accuracy_m, :crs, :text, :facility, :photos,
        :observed_at, :received_at, :due_at, :day, :source, :person, :worker, :facility_reach_m
    )
),
recorded AS (
    INSERT INTO audit_log (person_id, username, action, subject, area_code, detail)
    SELECT :person,
           coalesce((SELECT p.username FROM people p WHERE p.id = CAST(:person AS bigint)), CAST(:source AS text)),
           'case_reported', 'case ' || (a.card ->> 'id'), a.card -> 'community' ->> 'code',
           jsonb_build_object('source', CAST(:source AS text))
    FROM answer a
    WHERE a.outcome = 'filed'
)
SELECT outcome, detail, card FROM answer;

-- name: steps
-- The steps of a case, oldest first. Who did it is told to a :desk, a citizen's name by its first character
-- only; to others when it was themselves.
SELECT s.at, s.step, s.from_status, s.to_status, s.note, s.by_role,
       CASE WHEN CAST(:staff AS boolean) OR s.by_person = CAST(:person AS bigint) THEN s.data
            WHEN s.data ? 'result' THEN jsonb_build_object('result', s.data -> 'result') END AS data,
       CASE WHEN s.by_person = CAST(:person AS bigint) THEN p.name
            WHEN s.worker_id = CAST(:worker AS bigint) THEN w.name
            WHEN NOT CAST(:desk AS boolean) THEN NULL
            WHEN w.id IS NOT NULL THEN w.name
            WHEN EXISTS (SELECT FROM grants g WHERE g.person_id = p.id AND g.role <> 'citizen') THEN p.name
            ELSE left(p.name, 1) || '*' END AS by
FROM case_steps s
LEFT JOIN people p ON p.id = s.by_person
LEFT JOIN workers w ON w.id = s.worker_id
WHERE s.case_id = :id
ORDER BY s.at, s.id;

-- name: areas_of
-- Districts and towns that a list of cases can be narrowed to, each district before its towns.
SELECT a.code, a.name, a.level, CASE a.level WHEN 'town' THEN coalesce(up.name, '') ELSE a.name END AS district
FROM areas a
LEFT JOIN areas up ON up.code = a.parent_code
WHERE a.level IN ('district', 'town')
  AND a.code LIKE ANY (CAST(:patterns AS text[]))
ORDER BY a.code;

-- name: usual_unit
-- The department's name of a type, or of the filing standard chosen.
SELECT coalesce(s.unit, t.unit)
FROM case_types t
LEFT JOIN case_standards s ON s.id = CAST(:standard AS bigint) AND s.type_code = t.code
WHERE t.code = :type;

-- name: known_case
-- The digest, reporter and card of a case that may be there already.
SELECT c.body_sha256, c.reported_by, case_card(c) AS card FROM cases c WHERE c.id = :id;

-- name: register_appeal
-- Register an appeal, and record who did; the function of the same name says what comes of it.
WITH answer AS (
    SELECT outcome, card
    FROM register_appeal(
        :id, :body, :type, :source, :text, CAST(:lon AS float8), CAST(:lat AS float8), CAST(:accuracy_m AS float8), :crs, :area,
        :at, :due_at, :stage_due_at, :day, :person, CAST(:photos AS text[]), :nature, :wish, :name, :phone, :address, :tell,
        CAST(:secret AS bytea)
    )
),
recorded AS (
    INSERT INTO audit_log (person_id, username, action, subject, area_code, detail)
    SELECT :person,
           coalesce((SELECT p.username FROM people p WHERE p.id = CAST(:person AS bigint)), CAST(:source AS text)),
           'case_reported', 'case ' || (a.card ->> 'id'), a.card -> 'community' ->> 'code',
           jsonb_build_object('source', CAST(:source AS text))
    FROM answer a
    WHERE a.outcome = 'filed'
)
SELECT outcome, card FROM answer;

-- name: city_box
-- The box around the city's areas, in degrees.
SELECT ST_XMin(b) AS west, ST_YMin(b) AS south, ST_XMax(b) AS east, ST_YMax(b) AS north
FROM (SELECT ST_Extent(geom) AS b FROM areas) whole;

-- name: outside_m
-- How far a place lies outside the grid; null in it, and where there is no grid.
SELECT outside_m FROM locate_cell(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), CAST(:at AS timestamptz));

-- name: known_filters
-- Which of the things that a list is narrowed to exist; what is not given does.
SELECT CAST(:type AS text) IS NULL OR EXISTS (SELECT FROM case_types WHERE code = :type) AS type,
       CAST(:worker AS text) IS NULL OR EXISTS (SELECT FROM workers WHERE code = :worker) AS worker,
       CAST(:cell AS text) IS NULL OR EXISTS (SELECT FROM cells WHERE code = :cell) AS cell,
       CAST(:area AS text) IS NULL OR EXISTS (SELECT FROM areas WHERE code = :area) AS area;
