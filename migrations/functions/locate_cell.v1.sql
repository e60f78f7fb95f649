-- The cell that holds `place` at `moment`: of the cells that cover it, edges and corners included, the one
-- with the smallest code. Outside the grid `outside_m` says how far the nearest cell is, else it is null.
-- Without a single cell both are null.
--
-- ST_Contains and ST_Covers of a point ask PostGIS's own point-in-ring test, which is plain double arithmetic:
-- its sign is never wrong, but it may take a point for lying on an edge that it misses by a hair. So inside is
-- believed, and "on the edge" is asked again of ST_Relate, which is GEOS and exact. The same answer as
-- `gis.locate`, point for point. Inside one cell is inside no other, so that the first search, which nearly every
-- point ends in, stops at its first hit; asking for both at once costs twice as much.
CREATE FUNCTION locate_cell(
    place geometry, moment timestamptz, OUT cell_code text, OUT outside_m double precision
)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
BEGIN
    SELECT v.cell_code INTO cell_code
    FROM cell_versions v
    WHERE v.geom && place AND v.valid @> moment AND ST_Contains(v.geom, place)
    LIMIT 1;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT v.cell_code INTO cell_code
    FROM cell_versions v
    WHERE v.geom && place
      AND v.valid @> moment
      AND ST_Covers(v.geom, place)
      AND ST_Relate(v.geom, place, '******F**')
    ORDER BY v.cell_code
    LIMIT 1;
    IF NOT FOUND THEN
        SELECT near.cell_code, near.distance_m INTO cell_code, outside_m
        FROM nearest_cell(place, moment) near;
    END IF;
END $$;
