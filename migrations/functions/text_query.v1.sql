-- What a text has to hold among its pairs (`text_pairs`) to contain `needle`; NULL when a needle has no letter or
-- digit. A single character is the beginning of a pair. It is necessary, not sufficient: who asks compares the text too.
CREATE FUNCTION text_query(needle text) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    run text;
    parts text[] := '{}';
BEGIN
    FOREACH run IN ARRAY regexp_split_to_array(lower(needle), '[^[:alnum:]]+') LOOP
        IF length(run) = 1 THEN
            parts := parts || ('''' || run || ''':*');
        END IF;
        FOR i IN 1 .. length(run) - 1 LOOP
            parts := parts || ('''' || substr(run, i, 2) || '''');
        END LOOP;
    END LOOP;
    RETURN nullif(array_to_string(parts, ' & '), '')::tsquery;
END $$;
