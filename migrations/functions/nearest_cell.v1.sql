-- The cell nearest to `place` at `moment`, in metres on the ellipsoid; of equally near ones the smallest code.
-- The nearest by degrees is not the nearest: at 41 N a degree of longitude is 0.75 of a degree of latitude.
-- Hence two steps. The nearest eight by degrees (an index walk) give a distance within which a cell lies for
-- certain; then every cell whose box can be that near (an index search, then `at_least_m`) is measured. The
-- true nearest is among them, since its distance is at most the first step's.
CREATE FUNCTION nearest_cell(
    place geometry, moment timestamptz, OUT cell_code text, OUT distance_m double precision
)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE
    here geography := place::geography;
    reach double precision;
BEGIN
    SELECT min(ST_Distance(near.geom::geography, here)) INTO reach
    FROM (
        SELECT v.geom FROM cell_versions v
        WHERE v.valid @> moment
        ORDER BY v.geom <-> place
        LIMIT 8
    ) near;

    SELECT near.code, near.metres INTO cell_code, distance_m
    FROM (
        SELECT v.cell_code AS code, ST_Distance(v.geom::geography, here) AS metres
        FROM cell_versions v
        WHERE v.geom && box_around(place, reach + 0.01)
          AND v.valid @> moment
          AND at_least_m(place, v.geom) <= reach
    ) near
    ORDER BY near.metres, near.code
    LIMIT 1;
END $$;
