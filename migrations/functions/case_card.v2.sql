-- A case as everybody gets it: answers, lists and events carry this one form. Moments carry
-- their zone, the session's, which is UTC everywhere in Jingwei (`app.db`); to_char would cost as much as all else.
CREATE FUNCTION case_card(c cases) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
            'id', c.id,
            'no', c.no,
            'kind', c.kind,
            'type', jsonb_build_object('code', t.code, 'name_zh', t.name_zh, 'name_en', t.name_en),
            'status', c.status,
            'urgency', t.urgency,
            'source', c.source,
            'text', c.text,
            'lon', ST_X(c.geom),
            'lat', ST_Y(c.geom),
            'accuracy_m', c.accuracy_m,
            'observed_at', c.observed_at,
            'received_at', c.received_at,
            'due_at', c.due_at,
            'warn_at', c.warn_at,
            'stage_due_at', c.stage_due_at,
            'clock_left_s', c.clock_left_s,
            'closed_at', c.closed_at,
            'suspended_until', c.suspended_until,
            'level', c.level,
            'revision', c.revision,
            'satisfaction', c.satisfaction,
            'merged_into', c.merged_into,
            'cell', c.cell_code,
            'nearest_cell', c.nearest_cell_code,
            'outside_m', c.outside_m,
            'community', jsonb_build_object('code', community.code, 'name', community.name),
            'town', jsonb_build_object('code', town.code, 'name', town.name),
            'district', jsonb_build_object('code', district.code, 'name', district.name),
            'worker', CASE WHEN w.id IS NOT NULL THEN
                jsonb_build_object('code', w.code, 'name', w.name) END,
            'checker', CASE WHEN c.checker_id IS NOT NULL THEN (
                SELECT jsonb_build_object('code', k.code, 'name', k.name)
                FROM workers k
                WHERE k.id = c.checker_id) END,
            'desk', CASE WHEN desk.code IS NOT NULL THEN
                jsonb_build_object('code', desk.code, 'name', desk.name) END,
            'unit', CASE WHEN c.unit_code IS NOT NULL THEN (
                SELECT jsonb_build_object('code', u.code, 'name_zh', u.name_zh, 'name_en', u.name_en)
                FROM units u
                WHERE u.code = c.unit_code) END,
            'facility', CASE WHEN f.id IS NOT NULL THEN
                jsonb_build_object('code', f.code, 'name', f.name, 'type_code', f.type_code) END,
            'photos', (
                SELECT coalesce(jsonb_agg(p.sha256 ORDER BY p.position), '[]')
                FROM case_photos p
                WHERE p.case_id = c.id
            )
        )
        FROM case_types t
        JOIN areas community ON community.code = c.community_code
        JOIN areas town ON town.code = left(c.community_code, 9)
        JOIN areas district ON district.code = left(c.community_code, 6)
        LEFT JOIN workers w ON w.id = c.worker_id
        LEFT JOIN areas desk ON desk.code = c.desk_code
        LEFT JOIN facilities f ON f.id = c.facility_id
        WHERE t.code = c.type_code
    );
END $$;
