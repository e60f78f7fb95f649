-- A case as everybody gets it: answers, lists and events carry this one form. Moments carry
-- their zone, the session's, which is UTC everywhere in Jingwei (`app.db`); to_char would cost as much as all else.
--
-- Each name is looked up by its key, in a statement of its own: PL/pgSQL keeps their plans, and all together take
-- half the time of one statement that joins them.
CREATE FUNCTION case_card(c cases) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE
    type jsonb;
    urgency smallint;
    community jsonb;
    town jsonb;
    district jsonb;
    worker jsonb;
    checker jsonb;
    desk jsonb;
    unit jsonb;
    facility jsonb;
    photos jsonb;
BEGIN
    SELECT jsonb_build_object('code', t.code, 'name_zh', t.name_zh, 'name_en', t.name_en), t.urgency
    INTO type, urgency
    FROM case_types t WHERE t.code = c.type_code;
    SELECT jsonb_build_object('code', a.code, 'name', a.name) INTO community
    FROM areas a WHERE a.code = c.community_code;
    SELECT jsonb_build_object('code', a.code, 'name', a.name) INTO town
    FROM areas a WHERE a.code = left(c.community_code, 9);
    SELECT jsonb_build_object('code', a.code, 'name', a.name) INTO district
    FROM areas a WHERE a.code = left(c.community_code, 6);
    IF c.worker_id IS NOT NULL THEN
        SELECT jsonb_build_object('code', w.code, 'name', w.name) INTO worker
        FROM workers w WHERE w.id = c.worker_id;
    END IF;
    IF c.checker_id IS NOT NULL THEN
        SELECT jsonb_build_object('code', w.code, 'name', w.name) INTO checker
        FROM workers w WHERE w.id = c.checker_id;
    END IF;
    IF c.desk_code IS NOT NULL THEN
        SELECT jsonb_build_object('code', a.code, 'name', a.name) INTO desk
        FROM areas a WHERE a.code = c.desk_code;
    END IF;
    IF c.unit_code IS NOT NULL THEN
        SELECT jsonb_build_object('code', u.code, 'name_zh', u.name_zh, 'name_en', u.name_en) INTO unit
        FROM units u WHERE u.code = c.unit_code;
    END IF;
    IF c.facility_id IS NOT NULL THEN
        SELECT jsonb_build_object('code', f.code, 'name', f.name, 'type_code', f.type_code) INTO facility
        FROM facilities f WHERE f.id = c.facility_id;
    END IF;
    SELECT coalesce(jsonb_agg(p.sha256 ORDER BY p.position), '[]') INTO photos
    FROM case_photos p WHERE p.case_id = c.id;

    RETURN jsonb_build_object(
        'id', c.id,
        'no', c.no,
        'kind', c.kind,
        'type', type,
        'status', c.status,
        'urgency', urgency,
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
        'community', community,
        'town', town,
        'district', district,
        'worker', worker,
        'checker', checker,
        'desk', desk,
        'unit', unit,
        'facility', facility,
        'photos', photos
    );
END $$;
