-- The facility of type `kind` nearest to `place` within `radius_m`, null when there is none; of equally near
-- ones the smallest code.
--
-- The box is computed beforehand: inside the statement its size would be an estimate to the planner, and the
-- search be planned anew at every call, which takes as long as the search itself.
CREATE FUNCTION nearest_facility(place geometry, kind text, radius_m double precision) RETURNS bigint
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE
    here geography := place::geography;
    box geometry := box_around(place, radius_m);
BEGIN
    RETURN (
        SELECT near.id
        FROM (
            SELECT f.id, f.code, ST_Distance(f.geom::geography, here) AS metres
            FROM facilities f
            WHERE f.type_code = kind AND f.geom && box
        ) near
        WHERE near.metres <= radius_m
        ORDER BY near.metres, near.code
        LIMIT 1
    );
END $$;
