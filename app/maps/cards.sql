-- Cards: one statement each, so that a click is one round trip. Names of workers only for :named areas
-- (LIKE patterns), cases only for :areas, those of :worker and the viewer's own.

-- name: cell_card
WITH cell AS (
    SELECT c.code, c.community_code, c.population, v.id, v.area_m2, v.valid, v.geom,
           ST_PointOnSurface(v.geom) AS middle
    FROM cells c
    CROSS JOIN LATERAL (
        SELECT * FROM cell_versions v
        WHERE v.cell_code = c.code
        ORDER BY v.valid @> CAST(:at AS timestamptz) DESC, lower(v.valid) DESC
        LIMIT 1
    ) v
    WHERE c.code = :code
), holder AS (
    SELECT p.role, {maps.holder} AS card
    FROM posts p
    JOIN workers w ON w.id = p.worker_id
    WHERE p.cell_code = :code AND p.during @> CAST(:at AS timestamptz)
), open AS (
    SELECT {maps.open_columns}
    FROM cases c
    JOIN case_types t ON t.code = c.type_code
    WHERE c.cell_code = :code AND c.closed_at IS NULL
      AND {cases.seen}
)
SELECT json_build_object(
    'code', cell.code,
    'lon', ST_X(cell.middle), 'lat', ST_Y(cell.middle),
    'bbox', json_build_array(ST_XMin(cell.geom), ST_YMin(cell.geom), ST_XMax(cell.geom), ST_YMax(cell.geom)),
    'geometry', CAST(ST_AsGeoJSON(cell.geom, 7) AS json),
    'area_m2', cell.area_m2, 'population', cell.population,
    'since', lower(cell.valid), 'until', upper(cell.valid),
    'community', json_build_object('code', community.code, 'name', community.name),
    'town', json_build_object('code', town.code, 'name', town.name),
    'district', json_build_object('code', district.code, 'name', district.name),
    'primary', (SELECT card FROM holder WHERE role = 'primary'),
    'backup', (SELECT card FROM holder WHERE role = 'backup'),
    'facilities', (
        SELECT coalesce(json_agg(json_build_object(
                   'code', t.code, 'name_zh', t.name_zh, 'name_en', t.name_en, 'count', n.count)
                   ORDER BY n.count DESC, t.code), '[]')
        FROM (
            SELECT f.type_code, count(*) AS count FROM facilities f
            WHERE ST_Intersects(f.geom, cell.geom) GROUP BY f.type_code
        ) n
        JOIN facility_types t ON t.code = n.type_code
    ),
    'open', (SELECT count(*) FROM open),
    'overdue', (SELECT count(*) FROM open WHERE due_at < CAST(:at AS timestamptz)),
    'cases', {maps.open_lines}
) AS card
FROM cell
JOIN areas community ON community.code = cell.community_code
JOIN areas town ON town.code = community.parent_code
JOIN areas district ON district.code = town.parent_code;

-- name: facility_card
-- Its cell is the one that holds it now, the smallest code on a shared edge; outside the grid there is none.
WITH facility AS (
    SELECT f.*, t.name_zh AS type_zh, t.name_en AS type_en, t.unit,
           CASE WHEN geometrytype(f.geom) = 'POINT' THEN f.geom ELSE ST_PointOnSurface(f.geom) END AS point
    FROM facilities f
    JOIN facility_types t ON t.code = f.type_code
    WHERE f.code = :code
), cell AS (
    SELECT v.cell_code AS code, c.community_code
    FROM facility
    JOIN cell_versions v ON v.geom && facility.point AND ST_Intersects(v.geom, facility.point)
    JOIN cells c ON c.code = v.cell_code
    WHERE v.valid @> CAST(:at AS timestamptz)
    ORDER BY v.cell_code
    LIMIT 1
), holder AS (
    SELECT p.role, {maps.holder} AS card
    FROM cell
    JOIN posts p ON p.cell_code = cell.code AND p.during @> CAST(:at AS timestamptz)
    JOIN workers w ON w.id = p.worker_id
), open AS (
    SELECT {maps.open_columns}
    FROM facility
    JOIN cases c ON c.geom && ST_Expand(facility.geom, 0.002) AND c.facility_id = facility.id
    JOIN case_types t ON t.code = c.type_code
    WHERE c.closed_at IS NULL
      AND {cases.seen}
)
SELECT json_build_object(
    'code', f.code, 'name', f.name, 'address', f.address, 'condition', f.condition,
    'installed', f.installed, 'changed_at', f.changed_at, 'photo', f.photo_sha256,
    'type', json_build_object('code', f.type_code, 'name_zh', f.type_zh, 'name_en', f.type_en),
    'unit', f.unit,
    'lon', ST_X(f.point), 'lat', ST_Y(f.point),
    'bbox', json_build_array(ST_XMin(f.geom), ST_YMin(f.geom), ST_XMax(f.geom), ST_YMax(f.geom)),
    'geometry', CAST(ST_AsGeoJSON(f.geom, 7) AS json),
    'cell', (SELECT code FROM cell),
    'community', CASE WHEN community.code IS NOT NULL
        THEN json_build_object('code', community.code, 'name', community.name) END,
    'town', CASE WHEN town.code IS NOT NULL THEN json_build_object('code', town.code, 'name', town.name) END,
    'district', json_build_object('code', district.code, 'name', district.name),
    'primary', (SELECT card FROM holder WHERE role = 'primary'),
    'backup', (SELECT card FROM holder WHERE role = 'backup'),
    'cases', {maps.open_lines}
) AS card
FROM facility f
LEFT JOIN cell ON true
LEFT JOIN areas community ON community.code = cell.community_code
LEFT JOIN areas town ON town.code = community.parent_code
JOIN areas district ON district.code = left(f.code, 6);

-- name: area_card
WITH area AS (
    SELECT a.*, CASE WHEN a.level = 'city' THEN left(a.code, 4) ELSE a.code END || '%' AS below,
           ST_PointOnSurface(a.geom) AS middle
    FROM areas a
    WHERE a.code = :code
), held AS (
    SELECT count(*) AS cells, coalesce(sum(v.area_m2), 0) AS area_m2, coalesce(sum(c.population), 0) AS population
    FROM area
    JOIN cells c ON c.community_code LIKE area.below
    JOIN cell_versions v ON v.cell_code = c.code AND v.valid @> CAST(:at AS timestamptz)
), open AS (
    SELECT count(*) AS open, count(*) FILTER (WHERE c.due_at < CAST(:at AS timestamptz)) AS overdue
    FROM area
    JOIN cases c ON c.community_code LIKE area.below AND c.closed_at IS NULL
    WHERE {cases.seen}
), staff AS (
    SELECT count(*) AS workers, count(*) FILTER (WHERE {maps.on_duty}) AS on_duty
    FROM area
    JOIN workers w ON w.home_code LIKE area.below AND w.active
    WHERE w.home_code LIKE ANY (CAST(:named AS text[]))
)
SELECT json_build_object(
    'code', a.code, 'name', a.name, 'level', a.level,
    'lon', ST_X(a.middle), 'lat', ST_Y(a.middle),
    'bbox', json_build_array(ST_XMin(a.geom), ST_YMin(a.geom), ST_XMax(a.geom), ST_YMax(a.geom)),
    'parent', (SELECT json_build_object('code', p.code, 'name', p.name) FROM areas p WHERE p.code = a.parent_code),
    'children', (
        SELECT coalesce(json_agg(json_build_object('code', c.code, 'name', c.name) ORDER BY c.code), '[]')
        FROM areas c WHERE c.parent_code = a.code
    ),
    'cells', held.cells, 'area_m2', held.area_m2, 'population', held.population,
    'facilities', CASE WHEN a.level IN ('city', 'district')
        THEN (SELECT count(*) FROM facilities f WHERE f.code LIKE a.below)
        ELSE (SELECT count(*) FROM facilities f WHERE ST_Intersects(f.geom, a.geom)) END,
    'workers', CASE WHEN CAST(:named AS text[]) <> '{}' THEN staff.workers END,
    'on_duty', CASE WHEN CAST(:named AS text[]) <> '{}' THEN staff.on_duty END,
    'open', open.open, 'overdue', open.overdue,
    'desk_staffed', a.desk_staffed, 'desk_phone', a.desk_phone
) AS card
FROM area a, held, open, staff;

-- name: worker_card
-- Only for :named areas; of a worker who also holds cells elsewhere, the cases here.
WITH worker AS (
    SELECT w.*, {maps.on_duty} AS on_duty
    FROM workers w
    WHERE w.code = :code AND w.home_code LIKE ANY (CAST(:named AS text[]))
), held AS (
    SELECT p.cell_code, p.role, v.geom
    FROM worker
    JOIN posts p ON p.worker_id = worker.id AND p.during @> CAST(:at AS timestamptz)
    JOIN cell_versions v ON v.cell_code = p.cell_code AND v.valid @> CAST(:at AS timestamptz)
), extent AS (
    SELECT ST_Extent(geom) AS box, ST_AsGeoJSON(ST_Collect(geom), 7) AS geometry
    FROM held WHERE role = 'primary'
), open AS (
    SELECT {maps.open_columns}
    FROM worker
    JOIN cases c ON c.worker_id = worker.id AND c.closed_at IS NULL
    JOIN case_types t ON t.code = c.type_code
    WHERE {cases.seen}
)
SELECT json_build_object(
    'code', w.code, 'name', w.name,
    'phone', CASE WHEN length(w.phone) >= 7 THEN left(w.phone, 3) || '****' || right(w.phone, 4) ELSE '' END,
    'on_duty', w.on_duty,
    'silent', coalesce(w.position_at < CAST(:silent_since AS timestamptz), true),
    'position_at', w.position_at,
    'lon', coalesce(ST_X(w.position), (ST_XMin(extent.box) + ST_XMax(extent.box)) / 2),
    'lat', coalesce(ST_Y(w.position), (ST_YMin(extent.box) + ST_YMax(extent.box)) / 2),
    'bbox', CASE WHEN extent.box IS NOT NULL THEN json_build_array(
        ST_XMin(extent.box), ST_YMin(extent.box), ST_XMax(extent.box), ST_YMax(extent.box)) END,
    'geometry', CAST(extent.geometry AS json),
    'home', json_build_object('code', home.code, 'name', home.name),
    'town', CASE WHEN town.level = 'town' THEN json_build_object('code', town.code, 'name', town.name) END,
    'primary_cells', (SELECT coalesce(json_agg(cell_code ORDER BY cell_code), '[]') FROM held WHERE role = 'primary'),
    'backup_cells', (SELECT coalesce(json_agg(cell_code ORDER BY cell_code), '[]') FROM held WHERE role = 'backup'),
    'open', (SELECT count(*) FROM open),
    'overdue', (SELECT count(*) FROM open WHERE due_at < CAST(:at AS timestamptz)),
    'cases', {maps.open_lines}
) AS card
FROM worker w
CROSS JOIN extent
JOIN areas home ON home.code = w.home_code
LEFT JOIN areas town ON town.code = home.parent_code;

-- name: summary
-- How much each layer of the map holds, for this viewer.
SELECT
    (SELECT count(*) FROM areas WHERE level = 'district') AS districts,
    (SELECT count(*) FROM areas WHERE level = 'town') AS towns,
    (SELECT count(*) FROM areas WHERE level = 'community') AS communities,
    (SELECT count(*) FROM cell_versions WHERE valid @> CAST(:at AS timestamptz)) AS cells,
    (SELECT count(*) FROM facilities) AS facilities,
    o.open, o.overdue, o.soon,
    (SELECT count(*) FROM cases c
     WHERE c.received_at >= CAST(:midnight AS timestamptz)
       AND {cases.seen}) AS today,
    w.workers, w.on_duty
FROM (
    SELECT count(*) AS open,
           count(*) FILTER (WHERE c.due_at < CAST(:at AS timestamptz)) AS overdue,
           count(*) FILTER (WHERE c.due_at >= CAST(:at AS timestamptz)
                              AND c.due_at < CAST(:at AS timestamptz) + interval '1 hour') AS soon
    FROM cases c
    WHERE c.closed_at IS NULL
      AND {cases.seen}
) o, (
    SELECT count(*) AS workers, count(*) FILTER (WHERE {maps.on_duty}) AS on_duty
    FROM workers w
    WHERE w.active AND w.home_code LIKE ANY (CAST(:named AS text[]))
) w;

-- name: density
-- Cases that are open or came since :since, as far as the viewer sees: by version of the cell, and by town.
WITH seen AS (
    SELECT c.cell_code, left(c.community_code, 9) AS town
    FROM cases c
    WHERE (c.closed_at IS NULL OR c.received_at >= CAST(:since AS timestamptz))
      AND c.cell_code IS NOT NULL
      AND {cases.seen}
)
SELECT 'cell' AS kind, CAST(v.id AS text) AS key, count(*) AS cases, 1 AS cells
FROM seen
JOIN cell_versions v ON v.cell_code = seen.cell_code AND v.valid @> CAST(:at AS timestamptz)
GROUP BY v.id
UNION ALL
SELECT 'town', town, count(*), (SELECT count(*) FROM cells WHERE cells.community_code LIKE town || '%')
FROM seen
GROUP BY town;

-- name: city_view
-- Where the map begins: the towns, since the cells lie in them; the city's outline while there are none.
SELECT a.code, a.name, ST_XMin(b.box) AS west, ST_YMin(b.box) AS south, ST_XMax(b.box) AS east,
       ST_YMax(b.box) AS north
FROM areas a
CROSS JOIN LATERAL (
    SELECT coalesce(ST_Extent(t.geom), Box2D(a.geom)) AS box
    FROM areas t
    WHERE t.level = 'town' AND t.code LIKE left(a.code, 4) || '%'
) b
WHERE a.code = :city;

-- name: home_view
-- Where somebody's map begins: around the cells that they hold, else around the community that they are at home
-- in, else around the areas of their authority. All null for whom the whole city is as good.
WITH own AS (
    SELECT ST_Extent(v.geom) AS box
    FROM posts p
    JOIN cell_versions v ON v.cell_code = p.cell_code AND v.valid @> CAST(:at AS timestamptz)
    WHERE p.worker_id = CAST(:worker AS bigint) AND p.role = 'primary' AND p.during @> CAST(:at AS timestamptz)
), home AS (
    SELECT ST_Extent(a.geom) AS box
    FROM workers w
    JOIN areas a ON a.code = w.home_code
    WHERE w.id = CAST(:worker AS bigint)
), authority AS (
    SELECT ST_Extent(a.geom) AS box
    FROM areas a
    WHERE a.code = ANY (CAST(:within AS text[]))
), box AS (
    SELECT coalesce(own.box, home.box, authority.box) AS b FROM own, home, authority
)
SELECT ST_XMin(b) AS west, ST_YMin(b) AS south, ST_XMax(b) AS east, ST_YMax(b) AS north FROM box;
