-- The pairs of neighbouring characters of a text, for the search of cases: 「小区门口井盖坏了」 gives 小区 区门 门口
-- 口井 井盖 盖坏 坏了, so that a needle of two characters is one look-up. Blanks and punctuation part the text; the
-- last character before them stands alone, so that every character begins something. Case is folded.
--
-- Dear for what it does row by row: a plan that computes it for a whole table instead of using the index is wrong.
CREATE FUNCTION text_pairs(words text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
    letters text[] := string_to_array(trim(regexp_replace(lower(words), '[^[:alnum:]]+', ' ', 'g')), NULL);
    pairs text[] := '{}';
BEGIN
    FOR i IN 1 .. cardinality(letters) LOOP
        IF letters[i] <> ' ' THEN
            pairs[i] := letters[i] || coalesce(nullif(letters[i + 1], ' '), '');
        END IF;
    END LOOP;
    RETURN array_to_tsvector(array_remove(pairs, NULL));
END $$;
