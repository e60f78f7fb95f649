-- Statements of the maps: what publication reads, and one statement for each layer's tile.
-- Boxes come as numbers, so that the planner sees constants and takes the GiST index.
-- No tile is filtered by `geom IS NOT NULL`: ST_AsMVT leaves such rows out by itself, and the filter would be
-- pushed down and compute every geometry twice.

-- name: areas_to_publish
SELECT code, level, name, ST_AsBinary(geom) AS geom
FROM areas
ORDER BY code;

-- name: cells_to_publish
-- The outlines that hold at :at.
SELECT v.id, v.cell_code, left(c.community_code, 9) AS town, ST_AsBinary(v.geom) AS geom
FROM cell_versions v
JOIN cells c ON c.code = v.cell_code
WHERE v.valid @> CAST(:at AS timestamptz)
ORDER BY v.cell_code;

-- name: facilities_to_publish
SELECT id, code, type_code, condition, ST_AsBinary(geom) AS geom
FROM facilities
ORDER BY code;

-- name: streets_to_publish
SELECT kind, name, ST_AsBinary(geom) AS geom
FROM streets
ORDER BY id;

-- name: publication_lock
-- Publications of one city go one after the other, else an older one could write last.
SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.publish'));

-- name: new_tile_version
-- The version rises, and is never one of an earlier city in the same folder.
INSERT INTO tile_versions AS t
    (layer, version, published_at, features, broken_edges, west, south, east, north)
VALUES
    (:layer, CAST(extract(epoch FROM CAST(:at AS timestamptz)) * 1000 AS bigint), :at,
     :features, :broken_edges, :west, :south, :east, :north)
ON CONFLICT (layer) DO UPDATE SET
    version = greatest(t.version + 1, excluded.version),
    published_at = excluded.published_at,
    features = excluded.features,
    broken_edges = excluded.broken_edges,
    west = excluded.west, south = excluded.south, east = excluded.east, north = excluded.north
RETURNING version;

-- name: tile_versions
SELECT layer, version, published_at, features, broken_edges, west, south, east, north
FROM tile_versions;

-- name: areas_tile
-- Two layers: the outlines, and one point for each name, since a label on a clipped outline repeats in every tile.
WITH outline AS (
    SELECT code, level, name,
           ST_AsMVTGeom(geom, ST_TileEnvelope(:z, :x, :y), 4096, 64) AS geom
    FROM tile_areas
    WHERE band = CAST(:band AS smallint)
      AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 3857)
    ORDER BY code
), label AS (
    SELECT code, level, name,
           ST_AsMVTGeom(label, ST_TileEnvelope(:z, :x, :y), 4096, 0) AS geom
    FROM tile_areas
    WHERE band = CAST(:band AS smallint)
      AND label && ST_TileEnvelope(:z, :x, :y)
    ORDER BY code
)
SELECT coalesce((SELECT ST_AsMVT(outline, 'areas', 4096, 'geom') FROM outline), '')
    || coalesce((SELECT ST_AsMVT(label, 'area_labels', 4096, 'geom') FROM label), '');

-- name: cells_tile
-- `code` from zoom 14: below, a tile of 4,000 cells has no room for it and nobody can read it.
-- A cell is moved onto the tile's raster whole. ST_AsMVTGeom, which also clips and repairs, costs ten times
-- that; it is left to cells that reach far over the edge. What hangs over, the reader cuts off.
-- Cells come in the order of the table, the same for every tile of a publication.
-- ST_AsMVT cuts fractions off: the shift of an exact tile carries the half that makes it a rounding.
-- From zoom 15 also one point for each name, since a label on a clipped outline repeats in every tile; where
-- it stands is found at publication.
WITH piece AS (
    SELECT id, CASE WHEN CAST(:z AS integer) >= 14 THEN code END AS code, town,
           CASE WHEN geom @ ST_MakeEnvelope(:far_west, :far_south, :far_east, :far_north, 3857)
                THEN CASE WHEN CAST(:exact AS boolean)
                          THEN ST_TransScale(geom, :shift_x, :shift_y, :scale, :flip)
                          ELSE ST_SnapToGrid(ST_TransScale(geom, :shift_x, :shift_y, :scale, :flip), 1) END
                ELSE ST_AsMVTGeom(
                    geom, ST_TileEnvelope(:z, :x, :y), CAST(:extent AS integer), CAST(:extent AS integer) / 64
                ) END AS geom
    FROM tile_cells
    WHERE band = CAST(:band AS smallint)
      AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 3857)
), label AS (
    SELECT code, ST_TransScale(label, :shift_x, :shift_y, :scale, :flip) AS geom
    FROM tile_cells
    WHERE CAST(:z AS integer) >= 15
      AND label && ST_TileEnvelope(:z, :x, :y)
)
SELECT coalesce(
           (SELECT ST_AsMVT(piece, 'cells', CAST(:extent AS integer), 'geom', 'id') FROM piece),
           ''
       )
    || coalesce(
           (SELECT ST_AsMVT(label, 'cell_labels', CAST(:extent AS integer), 'geom') FROM label),
           ''
       );

-- name: streets_tile
-- Streets that the zoom does not draw, and names that it does not write, are not in its band.
WITH piece AS (
    SELECT kind, name, ST_AsMVTGeom(geom, ST_TileEnvelope(:z, :x, :y), 4096, 64) AS geom
    FROM tile_streets
    WHERE band = CAST(:band AS smallint)
      AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 3857)
    ORDER BY number
)
SELECT ST_AsMVT(piece, 'streets', 4096, 'geom') FROM piece;

-- name: clusters_tile
WITH piece AS (
    SELECT count, types, ST_AsMVTGeom(geom, ST_TileEnvelope(:z, :x, :y), 4096, 0) AS geom
    FROM tile_clusters
    WHERE resolution = CAST(:resolution AS smallint)
      AND geom && ST_TileEnvelope(:z, :x, :y)
    ORDER BY hex
)
SELECT ST_AsMVT(piece, 'facilities', 4096, 'geom') FROM piece;

-- name: facilities_tile
-- In the order of the table, which is that of the ground. A good condition is left out: nearly all are.
-- A code is a number there: as text it takes more time and room than all else. One that is not of 16 digits, and a
-- type not of four, comes as text under another name. Features have no id: the code is one.
WITH piece AS (
    SELECT CASE WHEN CAST(:codes AS boolean) THEN number END AS code, kind AS type, fault AS condition,
           CASE WHEN number IS NULL AND CAST(:codes AS boolean) THEN code END AS code_text,
           CASE WHEN kind IS NULL THEN type_code END AS type_text,
           ST_TransScale(geom, :shift_x, :shift_y, :scale, :flip) AS geom
    FROM tile_facilities
    WHERE geom && ST_MakeEnvelope(:west, :south, :east, :north, 3857)
)
SELECT ST_AsMVT(piece, 'facilities', 4096, 'geom') FROM piece;

-- name: cases_tile
-- Open cases, and those received since :since; of more than :most, the overdue and then the newest.
WITH seen AS (
    SELECT c.id, c.type_code, c.status, c.closed_at IS NULL AND c.due_at < CAST(:at AS timestamptz) AS overdue,
           c.closed_at IS NULL AND c.due_at >= CAST(:at AS timestamptz)
               AND c.due_at < CAST(:at AS timestamptz) + interval '1 hour' AS soon,
           c.received_at, c.geom
    FROM cases c
    WHERE c.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326)
      AND (c.closed_at IS NULL OR c.received_at >= CAST(:since AS timestamptz))
      AND {cases.seen}
    ORDER BY overdue DESC, c.received_at DESC
    LIMIT CAST(:most AS integer)
), piece AS (
    SELECT CAST(s.id AS text) AS id, s.type_code AS type, s.status, s.overdue, s.soon, t.urgency,
           ST_AsMVTGeom(ST_Transform(s.geom, 3857), ST_TileEnvelope(:z, :x, :y), 4096, 0) AS geom
    FROM seen s
    JOIN case_types t ON t.code = s.type_code
)
SELECT ST_AsMVT(piece, 'cases', 4096, 'geom') FROM piece;

-- name: workers_tile
-- Where the workers of the viewer's areas were last seen; silent: not since :silent_since.
WITH piece AS (
    SELECT w.code,
           EXISTS (
               SELECT FROM shifts s WHERE s.worker_id = w.id AND s.during @> CAST(:at AS timestamptz)
           ) AS on_duty,
           coalesce(w.position_at < CAST(:silent_since AS timestamptz), true) AS silent,
           ST_AsMVTGeom(ST_Transform(w.position, 3857), ST_TileEnvelope(:z, :x, :y), 4096, 0) AS geom
    FROM workers w
    WHERE w.active
      AND w.position && ST_MakeEnvelope(:west, :south, :east, :north, 4326)
      AND w.home_code LIKE ANY (CAST(:areas AS text[]))
    ORDER BY w.code
)
SELECT ST_AsMVT(piece, 'workers', 4096, 'geom') FROM piece;
