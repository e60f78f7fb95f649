-- What is appended stays: the second wall, behind the rights of the application's role. The owner of a table can
-- take a trigger away; the chain of hashes tells then.
CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql AS
$$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = TG_OP || ' of ' || TG_TABLE_NAME || ' is refused: it is append-only';
END
$$;
