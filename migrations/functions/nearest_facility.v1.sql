-- The facility of type `kind` nearest to `place` within `radius_m`, null when there is none; of equally near
-- ones the smallest code.
CREATE FUNCTION nearest_facility(place geometry, kind text, radius_m double precision) RETURNS bigint
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE
    here geography := place::geography;
BEGIN
    RETURN (
        SELECT near.id
        FROM (
            SELECT f.id, f.code, ST_Distance(f.geom::geography, here) AS metres
            FROM facilities f
            WHERE f.type_code = kind AND f.geom && box_around(place, radius_m)
        ) near
        WHERE near.metres <= radius_m
        ORDER BY near.metres, near.code
        LIMIT 1
    );
END $$;
