-- Search: each kind by its own index. :prefix is an escaped LIKE prefix, :like contains, :text is as written.
-- `match` says how well something fits: 0 it is what was written, 1 it begins so, 2 its name holds it, 3 its address
-- does. A place's name is in the address of every manhole along it.

-- name: search_areas
SELECT 'area' AS kind, a.code, a.name, coalesce(up.name, '') AS detail, a.match,
       ST_X(ST_PointOnSurface(a.geom)) AS lon, ST_Y(ST_PointOnSurface(a.geom)) AS lat,
       ARRAY[ST_XMin(a.geom), ST_YMin(a.geom), ST_XMax(a.geom), ST_YMax(a.geom)] AS bbox
FROM (
    SELECT *, CASE WHEN :text IN (name, code) THEN 0 WHEN name LIKE :prefix OR code LIKE :prefix THEN 1 ELSE 2 END AS match
    FROM areas
    WHERE name LIKE :like OR code LIKE :prefix
    ORDER BY match, length(code), code
    LIMIT 6
) a
LEFT JOIN areas up ON up.code = a.parent_code
ORDER BY a.match, length(a.code), a.code;

-- name: search_cells
SELECT 'cell' AS kind, c.code, '' AS name, town.name || ' · ' || community.name AS detail,
       CASE WHEN c.code = :text THEN 0 ELSE 1 END AS match,
       ST_X(ST_PointOnSurface(v.geom)) AS lon, ST_Y(ST_PointOnSurface(v.geom)) AS lat,
       ARRAY[ST_XMin(v.geom), ST_YMin(v.geom), ST_XMax(v.geom), ST_YMax(v.geom)] AS bbox
FROM (SELECT * FROM cells WHERE code LIKE :prefix ORDER BY code LIMIT 6) c
JOIN cell_versions v ON v.cell_code = c.code AND v.valid @> CAST(:at AS timestamptz)
JOIN areas community ON community.code = c.community_code
JOIN areas town ON town.code = community.parent_code
ORDER BY c.code;

-- name: search_facilities
-- By the beginning of the code. A name that is the type's is told once, in the reader's language.
SELECT 'facility' AS kind, f.code, {maps.facility_words},
       CASE WHEN f.code = :text THEN 0 ELSE 1 END AS match,
       ST_X(ST_PointOnSurface(f.geom)) AS lon, ST_Y(ST_PointOnSurface(f.geom)) AS lat, NULL AS bbox
FROM (SELECT * FROM facilities WHERE code LIKE :prefix ORDER BY code LIMIT 6) f
JOIN facility_types t ON t.code = f.type_code
ORDER BY f.code;

-- name: search_facility_names
SELECT 'facility' AS kind, f.code, {maps.facility_words}, f.match,
       ST_X(ST_PointOnSurface(f.geom)) AS lon, ST_Y(ST_PointOnSurface(f.geom)) AS lat, NULL AS bbox
FROM (
    (SELECT *, CASE WHEN name = :text THEN 0 WHEN name LIKE :prefix THEN 1 ELSE 2 END AS match
     FROM facilities WHERE name LIKE :like LIMIT 6)
    UNION ALL
    (SELECT *, 3 AS match FROM facilities WHERE address LIKE :like AND name NOT LIKE :like LIMIT 6)
) f
JOIN facility_types t ON t.code = f.type_code
ORDER BY f.match, f.code
LIMIT 6;

-- name: search_cases
SELECT 'case' AS kind, CAST(c.id AS text) AS code,
       {maps.type_name} AS name, c.no AS detail,
       CASE WHEN c.no = :text THEN 0 ELSE 1 END AS match,
       ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat, NULL AS bbox
FROM cases c
JOIN case_types t ON t.code = c.type_code
WHERE c.no LIKE :prefix
  AND c.geom IS NOT NULL
  AND {cases.seen}
ORDER BY c.no DESC
LIMIT 6;

-- name: search_workers
SELECT 'worker' AS kind, w.code, w.name, home.name AS detail,
       CASE WHEN w.name = :text OR w.code = upper(:text) THEN 0
            WHEN w.name LIKE :prefix OR w.code LIKE upper(:prefix) THEN 1 ELSE 2 END AS match,
       coalesce(ST_X(w.position), ST_X(ST_PointOnSurface(home.geom))) AS lon,
       coalesce(ST_Y(w.position), ST_Y(ST_PointOnSurface(home.geom))) AS lat, NULL AS bbox
FROM (
    SELECT * FROM workers
    WHERE active AND (code LIKE upper(:prefix) OR name LIKE :like)
      AND home_code LIKE ANY (CAST(:named AS text[]))
    ORDER BY code LIMIT 6
) w
JOIN areas home ON home.code = w.home_code
ORDER BY w.code;
