-- name: locate
-- What is known of a place at a moment: its cell (the nearest when it lies outside), the areas above, who
-- holds the cell, which cells the circle of accuracy touches, and the nearest facilities.
WITH asked AS (
    SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS place, CAST(:at AS timestamptz) AS moment
)
SELECT
    found.cell_code,
    found.outside_m,
    v.area_m2,
    community.code AS community_code,
    community.name AS community_name,
    town.code AS town_code,
    town.name AS town_name,
    district.code AS district_code,
    district.name AS district_name,
    posts_then.held AS posts,
    coalesce(w.code, desk.code) AS holder_code,
    coalesce(w.name, desk.name) AS holder_name,
    w.id IS NOT NULL AS holder_is_worker,
    cells_touched(place, CAST(:accuracy_m AS double precision), moment) AS touched,
    around.facilities
FROM asked
CROSS JOIN LATERAL locate_cell(place, moment) found
JOIN cell_versions v ON v.cell_code = found.cell_code AND v.valid @> moment
JOIN areas community ON community.code = left(found.cell_code, 12)
JOIN areas town ON town.code = left(found.cell_code, 9)
JOIN areas district ON district.code = left(found.cell_code, 6)
CROSS JOIN LATERAL holder_of(
    CASE WHEN found.outside_m IS NULL THEN found.cell_code END, community.code, moment
) holder
LEFT JOIN workers w ON w.id = holder.worker_id
LEFT JOIN areas desk ON desk.code = holder.desk_code
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(p.role, jsonb_build_object(
        'code', holding.code,
        'name', holding.name,
        'on_duty', holding.active AND EXISTS (
            SELECT FROM shifts s WHERE s.worker_id = holding.id AND s.during @> moment
        )
    )), '{}') AS held
    FROM posts p
    JOIN workers holding ON holding.id = p.worker_id
    WHERE p.cell_code = found.cell_code AND p.during @> moment
) posts_then
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'code', f.code,
        'type_code', f.type_code,
        'type_name_zh', t.name_zh,
        'type_name_en', t.name_en,
        'name', f.name,
        'lon', ST_X(spot.place),
        'lat', ST_Y(spot.place),
        'distance_m', round(near.distance_m::numeric, 2)
    ) ORDER BY near.distance_m, f.code), '[]') AS facilities
    FROM facilities_near(place, CAST(:facilities AS integer)) near
    JOIN facilities f ON f.id = near.facility_id
    JOIN facility_types t ON t.code = f.type_code
    CROSS JOIN LATERAL (SELECT ST_PointOnSurface(f.geom) AS place) spot
) around;

-- name: cells_at
-- Every cell's outline at a moment as WKB, in ascending code order.
SELECT v.cell_code, ST_AsBinary(v.geom) AS outline
FROM cell_versions v
WHERE v.valid @> CAST(:at AS timestamptz)
ORDER BY v.cell_code;

-- name: held_at
-- For each of the codes given: the areas above, the workers of its posts, and who holds it at a moment.
SELECT
    asked.code AS cell,
    community.name AS community,
    town.name AS town,
    district.name AS district,
    max(person.code) FILTER (WHERE p.role = 'primary') AS primary_worker,
    max(person.code) FILTER (WHERE p.role = 'backup') AS backup_worker,
    max(coalesce(w.code, holder.desk_code)) AS holder,
    max(holder.outside_desk) AS outside_desk
FROM unnest(CAST(:codes AS text[])) asked (code)
JOIN areas community ON community.code = left(asked.code, 12)
JOIN areas town ON town.code = left(asked.code, 9)
JOIN areas district ON district.code = left(asked.code, 6)
CROSS JOIN LATERAL (
    SELECT inside.worker_id, inside.desk_code, outside.desk_code AS outside_desk
    FROM holder_of(asked.code, community.code, CAST(:at AS timestamptz)) inside,
         holder_of(NULL, community.code, CAST(:at AS timestamptz)) outside
) holder
LEFT JOIN workers w ON w.id = holder.worker_id
LEFT JOIN posts p ON p.cell_code = asked.code AND p.during @> CAST(:at AS timestamptz)
LEFT JOIN workers person ON person.id = p.worker_id
GROUP BY asked.code, community.name, town.name, district.name;
