-- The codes of the cells within `accuracy_m` of `place` at `moment`, ascending; the holding cell is one of them.
CREATE FUNCTION cells_touched(place geometry, accuracy_m double precision, moment timestamptz) RETURNS text[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN ARRAY(
        SELECT v.cell_code
        FROM cell_versions v
        WHERE v.geom && box_around(place, accuracy_m)
          AND v.valid @> moment
          AND ST_Distance(v.geom::geography, place::geography) <= accuracy_m
        ORDER BY v.cell_code
    );
END $$;
