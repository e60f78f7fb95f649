-- The next number of a county's day: 6 digits of county, 8 of the day, 5 in turn; null when all are used. The
-- sequence turns over at 99,999; a number that the county has given today is passed over.
CREATE FUNCTION case_number(county text, day text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    number text;
BEGIN
    FOR tries IN 0..1000 LOOP
        number := left(county, 6) || day || lpad(nextval('case_serials')::text, 5, '0');
        IF NOT EXISTS (SELECT FROM cases c WHERE c.no = number) THEN
            RETURN number;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
