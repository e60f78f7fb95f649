-- Who takes what happens in `cell` at `moment`: the primary worker on shift, else the backup on shift, else the
-- community's duty desk when somebody sits there, else the town's: never nobody. `cell` is null outside
-- the grid, where a desk decides.
--
-- Ranges of one cell and role, and of one worker, never overlap. So the one that holds at `moment` is the last
-- that began by then, or the one before it, where the last begins just after `moment`. A B-tree finds the
-- last two in a third of the time in which the exclusion constraint's GiST index finds the one.
CREATE FUNCTION holder_of(
    cell text, community text, moment timestamptz, OUT worker_id bigint, OUT desk_code text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    post text;
BEGIN
    IF cell IS NOT NULL THEN
        FOREACH post IN ARRAY ARRAY['primary', 'backup'] LOOP
            SELECT held.worker_id INTO worker_id
            FROM (
                SELECT p.worker_id, p.during
                FROM posts p
                WHERE p.cell_code = cell AND p.role = post AND lower(p.during) <= moment
                ORDER BY lower(p.during) DESC
                LIMIT 2
            ) held
            JOIN workers w ON w.id = held.worker_id
            WHERE held.during @> moment AND w.active;
            CONTINUE WHEN NOT FOUND;
            PERFORM FROM (
                SELECT s.during
                FROM shifts s
                WHERE s.worker_id = holder_of.worker_id AND lower(s.during) <= moment
                ORDER BY lower(s.during) DESC
                LIMIT 2
            ) shift
            WHERE shift.during @> moment;
            IF FOUND THEN
                RETURN;
            END IF;
        END LOOP;
        worker_id := NULL;
    END IF;
    SELECT a.code INTO desk_code
    FROM areas a
    WHERE a.code = community AND a.desk_staffed;
    IF NOT FOUND THEN
        desk_code := left(community, 9);
    END IF;
END $$;
