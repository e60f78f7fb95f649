-- Search: each kind by its own index. :prefix is an escaped LIKE prefix, :like contains, :text is as written.

-- name: search_areas
SELECT 'area' AS kind, a.code, a.name, coalesce(up.name, '') AS detail,
       ST_X(ST_PointOnSurface(a.geom)) AS lon, ST_Y(ST_PointOnSurface(a.geom)) AS lat,
       ARRAY[ST_XMin(a.geom), ST_YMin(a.geom), ST_XMax(a.geom), ST_YMax(a.geom)] AS bbox
FROM (
    SELECT * FROM areas
    WHERE name LIKE :like OR code LIKE :prefix
    ORDER BY name = :text OR code = :text DESC, length(code), name LIKE :prefix DESC, code
    LIMIT 6
) a
LEFT JOIN areas up ON up.code = a.parent_code
ORDER BY a.name = :text OR a.code = :text DESC, length(a.code), a.name LIKE :prefix DESC, a.code;

-- name: search_cells
SELECT 'cell' AS kind, c.code, '' AS name, town.name || ' · ' || community.name AS detail,
       ST_X(ST_PointOnSurface(v.geom)) AS lon, ST_Y(ST_PointOnSurface(v.geom)) AS lat,
       ARRAY[ST_XMin(v.geom), ST_YMin(v.geom), ST_XMax(v.geom), ST_YMax(v.geom)] AS bbox
FROM (SELECT * FROM cells WHERE code LIKE :prefix ORDER BY code LIMIT 6) c
JOIN cell_versions v ON v.cell_code = c.code AND v.valid @> CAST(:at AS timestamptz)
JOIN areas community ON community.code = c.community_code
JOIN areas town ON town.code = community.parent_code
ORDER BY c.code;

-- name: search_facilities
-- By the beginning of the code.
SELECT 'facility' AS kind, f.code, coalesce(nullif(f.name, ''), t.name_zh) AS name,
       concat_ws(' · ', CASE WHEN CAST(:english AS boolean) THEN t.name_en ELSE t.name_zh END, nullif(f.address, '')) AS detail,
       ST_X(ST_PointOnSurface(f.geom)) AS lon, ST_Y(ST_PointOnSurface(f.geom)) AS lat, NULL AS bbox
FROM (SELECT * FROM facilities WHERE code LIKE :prefix ORDER BY code LIMIT 6) f
JOIN facility_types t ON t.code = f.type_code
ORDER BY f.code;

-- name: search_facility_names
SELECT 'facility' AS kind, f.code, f.name,
       concat_ws(' · ', CASE WHEN CAST(:english AS boolean) THEN t.name_en ELSE t.name_zh END, nullif(f.address, '')) AS detail,
       ST_X(ST_PointOnSurface(f.geom)) AS lon, ST_Y(ST_PointOnSurface(f.geom)) AS lat, NULL AS bbox
FROM (SELECT * FROM facilities WHERE name LIKE :like OR address LIKE :like LIMIT 6) f
JOIN facility_types t ON t.code = f.type_code
ORDER BY f.code;

-- name: search_cases
SELECT 'case' AS kind, CAST(c.id AS text) AS code,
       CASE WHEN CAST(:english AS boolean) THEN t.name_en ELSE t.name_zh END AS name, c.no AS detail,
       ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat, NULL AS bbox
FROM cases c
JOIN case_types t ON t.code = c.type_code
WHERE c.no LIKE :prefix
  AND c.geom IS NOT NULL
  AND (c.community_code LIKE ANY (CAST(:areas AS text[])) OR CAST(:worker AS bigint) IN (c.worker_id, c.checker_id)
           OR c.unit_code = CAST(:unit AS text)
           OR c.reported_by = CAST(:person AS bigint))
ORDER BY c.no DESC
LIMIT 6;

-- name: search_workers
SELECT 'worker' AS kind, w.code, w.name, home.name AS detail,
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
