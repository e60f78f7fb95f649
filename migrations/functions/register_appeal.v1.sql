-- Register an appeal as a reported case: cell and holder where it has a place, else the desk of its area.
-- `outcome` is `filed`, `no_cells` (a place, but no grid), or `no_number`. The caller has looked for the id.
CREATE FUNCTION register_appeal(
    case_id uuid,
    body bytea,
    type text,
    source text,
    message text,
    lon double precision,
    lat double precision,
    accuracy_m double precision,
    crs text,
    area text,
    at timestamptz,
    due_at timestamptz,
    stage_due_at timestamptz,
    day text,
    person bigint,
    photos text[],
    nature text,
    wish text,
    name text,
    phone text,
    address text,
    tell boolean,
    secret bytea,
    OUT outcome text,
    OUT card jsonb
)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_variable
DECLARE
    place geometry := ST_SetSRID(ST_MakePoint(lon, lat), 4326);
    cell record;
    community text;
    worker bigint;
    desk text;
    number text;
    filed cases;
BEGIN
    IF place IS NOT NULL THEN
        cell := locate_cell(place, at);
        IF cell.cell_code IS NULL THEN
            outcome := 'no_cells';
            RETURN;
        END IF;
        community := left(cell.cell_code, 12);
        SELECT h.worker_id, h.desk_code INTO worker, desk
        FROM holder_of(CASE WHEN cell.outside_m IS NULL THEN cell.cell_code END, community, at) h;
    ELSE
        SELECT coalesce(area, (SELECT a.code FROM areas a WHERE a.level = 'city' ORDER BY a.code LIMIT 1))
        INTO community;
        desk := left(community, 9);
        SELECT NULL::text AS cell_code, NULL::double precision AS outside_m INTO cell;
    END IF;
    number := case_number(community, day);
    IF number IS NULL THEN
        outcome := 'no_number';
        RETURN;
    END IF;
    INSERT INTO cases AS c (
        id, no, kind, type_code, status, source, text, geom, accuracy_m, crs_source, observed_at, received_at,
        due_at, stage_due_at, cell_code, nearest_cell_code, outside_m, community_code, worker_id, desk_code,
        reported_by, body_sha256
    ) VALUES (
        case_id, number, 'appeal', type, 'reported', source, message, place, accuracy_m, crs, at, at,
        due_at, stage_due_at,
        CASE WHEN cell.outside_m IS NULL THEN cell.cell_code END,
        CASE WHEN cell.outside_m IS NOT NULL THEN cell.cell_code END,
        cell.outside_m, community, worker, desk, person, body
    )
    RETURNING c.* INTO filed;
    INSERT INTO appeals (case_id, nature, wish, name, phone, address, tell, secret_sha256)
    VALUES (case_id, nature, wish, name, phone, address, tell, secret);
    INSERT INTO case_steps (case_id, at, step, to_status, by_person) VALUES (case_id, at, 'report', 'reported', person);
    INSERT INTO case_photos (case_id, sha256, position)
    SELECT case_id, p.sha256, p.position FROM unnest(photos) WITH ORDINALITY p (sha256, position);
    outcome := 'filed';
    card := case_card(filed);
    INSERT INTO events (at, kind, subject, area_code, payload)
    VALUES (at, 'case_reported', case_id::text, community, card);
END $$;
