-- Parts that statements of every capability name in braces.

-- part: seen
-- Whether a viewer may see the case `c`, by the parameters that `Sight.parameters` gives; `_seen` is the same.
(c.community_code LIKE ANY (CAST(:areas AS text[]))
 OR CAST(:worker AS bigint) IN (c.worker_id, c.checker_id)
 OR c.unit_code = CAST(:unit AS text)
 OR c.reported_by = CAST(:person AS bigint))
