-- A distance that `place` is at least from anything in the bounding box of `thing`: arithmetic only, so that
-- the exact distance is asked of few. The haversine formula with the smallest difference of latitude and of
-- longitude, and the smallest cosine, that the box allows; one per cent off for the flattening of the earth.
CREATE FUNCTION at_least_m(place geometry, thing geometry) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    lon double precision := ST_X(place);
    lat double precision := ST_Y(place);
    east double precision := greatest(ST_XMin(thing) - lon, lon - ST_XMax(thing), 0);
    north double precision := greatest(ST_YMin(thing) - lat, lat - ST_YMax(thing), 0);
    narrow double precision := least(cosd(ST_YMin(thing)), cosd(ST_YMax(thing)));
BEGIN
    -- Across the 180th meridian the way round may be the shorter.
    east := greatest(least(east, 360 - greatest(ST_XMax(thing), lon) + least(ST_XMin(thing), lon)), 0);
    RETURN 0.99 * 2 * 6371008.8 * asin(least(1, sqrt(
        sind(north / 2) ^ 2 + cosd(lat) * greatest(narrow, 0) * sind(east / 2) ^ 2)));
END $$;
