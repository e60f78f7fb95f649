-- What a printed map shows: the published outlines of one frame, and cases and workers as they stand.
-- The frame comes in EPSG:3857, as the published tables are.

-- name: snapshot_source
-- Where the grid comes from, when it was published, and how much of it lies in the frame.
SELECT (SELECT source_name FROM grid_versions ORDER BY valid_from DESC, id DESC LIMIT 1) AS source,
       (SELECT max(published_at) FROM tile_versions) AS published_at,
       (SELECT count(*) FROM tile_cells
        WHERE band = CAST(:band AS smallint)
          AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 3857)) AS cells,
       (SELECT count(*) FROM tile_facilities
        WHERE geom && ST_MakeEnvelope(:west, :south, :east, :north, 3857)) AS facilities;

-- name: snapshot_areas
SELECT code, level, name, ST_AsBinary(geom) AS geom
FROM tile_areas
WHERE band = CAST(:band AS smallint)
  AND level = ANY (CAST(:levels AS text[]))
  AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 3857)
ORDER BY code;

-- name: snapshot_cells
SELECT code, ST_AsBinary(geom) AS geom
FROM tile_cells
WHERE band = CAST(:band AS smallint)
  AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 3857)
ORDER BY code;

-- name: snapshot_clusters
SELECT hex, count
FROM tile_clusters
WHERE resolution = CAST(:resolution AS smallint)
  AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 3857)
ORDER BY hex;

-- name: snapshot_facilities
SELECT f.code, left(f.type_code, 2) AS kind, f.condition IN ('damaged', 'missing') AS bad,
       {maps.type_name} AS type,
       ST_AsBinary(f.geom) AS geom
FROM tile_facilities f
JOIN facility_types t ON t.code = f.type_code
WHERE f.geom && ST_MakeEnvelope(:west, :south, :east, :north, 3857)
ORDER BY f.code;

-- name: snapshot_cases
-- The number and the type: neither the words of the report nor who made it, since the page will be passed on.
SELECT c.no,
       {maps.type_name} AS type,
       CASE WHEN c.closed_at IS NOT NULL THEN 'ended'
            WHEN c.due_at < CAST(:at AS timestamptz) THEN 'overdue'
            WHEN c.due_at < CAST(:at AS timestamptz) + interval '1 hour' THEN 'soon'
            ELSE 'open' END AS state,
       ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat
FROM cases c
JOIN case_types t ON t.code = c.type_code
WHERE c.geom && ST_Transform(ST_MakeEnvelope(:west, :south, :east, :north, 3857), 4326)
  AND (c.closed_at IS NULL OR c.received_at >= CAST(:since AS timestamptz))
  AND {cases.seen}
ORDER BY c.closed_at IS NULL DESC, c.due_at, c.no
LIMIT CAST(:most AS integer);

-- name: snapshot_workers
-- Places only: no name, no code.
SELECT ST_X(w.position) AS lon, ST_Y(w.position) AS lat,
       w.position_at >= CAST(:silent_since AS timestamptz) AND EXISTS (
           SELECT FROM shifts s WHERE s.worker_id = w.id AND s.during @> CAST(:at AS timestamptz)
       ) AS heard
FROM workers w
WHERE w.active
  AND w.position && ST_Transform(ST_MakeEnvelope(:west, :south, :east, :north, 3857), 4326)
  AND w.home_code LIKE ANY (CAST(:areas AS text[]))
ORDER BY w.code
LIMIT CAST(:most AS integer);
