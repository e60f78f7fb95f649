-- The `count` facilities nearest to `place`, whatever their type, with metres. As in `nearest_cell`: the nearest
-- by degrees give a radius that holds as many for certain, and what lies within it is measured.
CREATE FUNCTION facilities_near(place geometry, count integer)
RETURNS TABLE (facility_id bigint, distance_m double precision)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE
    here geography := place::geography;
    reach double precision;
BEGIN
    SELECT max(ST_Distance(near.geom::geography, here)) INTO reach
    FROM (SELECT f.geom FROM facilities f ORDER BY f.geom <-> place LIMIT count) near;

    RETURN QUERY
    SELECT near.id, near.metres
    FROM (
        SELECT f.id, f.code, ST_Distance(f.geom::geography, here) AS metres
        FROM facilities f
        WHERE f.geom && box_around(place, reach + 0.01) AND at_least_m(place, f.geom) <= reach
    ) near
    ORDER BY near.metres, near.code
    LIMIT count;
END $$;
