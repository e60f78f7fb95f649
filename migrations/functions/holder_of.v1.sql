-- Who takes what happens in `cell` at `moment`: the primary worker on shift, else the backup on shift, else the
-- community's duty desk when somebody sits there, else the town's: never nobody. `cell` is null outside
-- the grid, where a desk decides.
CREATE FUNCTION holder_of(
    cell text, community text, moment timestamptz, OUT worker_id bigint, OUT desk_code text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    SELECT p.worker_id INTO worker_id
    FROM posts p JOIN workers w ON w.id = p.worker_id
    WHERE p.cell_code = cell
      AND p.during @> moment
      AND w.active
      AND EXISTS (SELECT FROM shifts s WHERE s.worker_id = p.worker_id AND s.during @> moment)
    ORDER BY p.role = 'primary' DESC
    LIMIT 1;
    IF NOT FOUND THEN
        SELECT a.code INTO desk_code
        FROM areas a
        WHERE a.code = community AND a.desk_staffed;
        IF NOT FOUND THEN
            desk_code := left(community, 9);
        END IF;
    END IF;
END $$;
