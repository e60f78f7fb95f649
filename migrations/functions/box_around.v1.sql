-- A box in degrees that holds every place within `radius_m` of `place`: an index can be asked with it.
-- A degree of latitude is never shorter than 110,574 m. A degree of longitude is never shorter than
-- 111,319 m x cos(latitude), and the path to a place within the radius stays below the latitude `top`. Near a
-- pole and across the 180th meridian the box is the globe.
CREATE FUNCTION box_around(place geometry, radius_m double precision) RETURNS geometry
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    high double precision := radius_m / 110500;
    top double precision := abs(ST_Y(place)) + high;
    wide double precision;
BEGIN
    IF top < 89 THEN
        wide := radius_m / (111300 * cosd(top));
        IF abs(ST_X(place)) + wide <= 180 THEN
            RETURN ST_Expand(place, wide, high);
        END IF;
    END IF;
    RETURN ST_MakeEnvelope(-180, -90, 180, 90, 4326);
END $$;
