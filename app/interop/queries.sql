-- Statements of imports and exports. :prefix is the beginning of an area's code, '' for the whole city.

-- name: area_outlines
SELECT code, ST_AsBinary(geom) AS geom FROM areas ORDER BY code;

-- name: cells_at
-- The cells whose outline holds at :at.
SELECT c.code, c.population, round(v.area_m2::numeric, 1)::float8 AS area_m2, ST_AsBinary(v.geom) AS geom
FROM cell_versions v
JOIN cells c ON c.code = v.cell_code
WHERE v.valid @> CAST(:at AS timestamptz) AND starts_with(c.code, :prefix)
ORDER BY c.code;

-- name: facilities_at
-- The register as it is now; :at is the same for all subjects.
SELECT code, type_code AS type, name, address, condition, installed, ST_AsBinary(geom) AS geom
FROM facilities
WHERE starts_with(code, :prefix) AND CAST(:at AS timestamptz) IS NOT NULL
ORDER BY code;

-- name: workers_at
-- The roster as it is now; positions are personal and stay here.
SELECT code, name, home_code AS home, phone, active
FROM workers
WHERE starts_with(home_code, :prefix) AND CAST(:at AS timestamptz) IS NOT NULL
ORDER BY code;

-- name: posts_at
-- Posts that hold at :at or later. Moments are text, which every format keeps.
SELECT p.code, p.cell_code AS cell, w.code AS worker, p.role,
       to_char(lower(p.during), 'YYYY-MM-DD"T"HH24:MI:SS.USOF') AS since,
       to_char(upper(p.during), 'YYYY-MM-DD"T"HH24:MI:SS.USOF') AS until
FROM posts p
JOIN workers w ON w.id = p.worker_id
WHERE (upper_inf(p.during) OR upper(p.during) > CAST(:at AS timestamptz)) AND starts_with(p.cell_code, :prefix)
ORDER BY p.cell_code, p.role DESC, lower(p.during);
