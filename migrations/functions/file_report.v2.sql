-- File a report as a case: cell, holder, facility, number, case, step, photos and event in one statement.
--
-- `outcome` says what came of it:
--   filed             a new case; `card` is its card, and the event carries the same
--   again             the same report from the same person was there already; `card` is the case as it stands
--   differs           the id is known with other content or from somebody else
--   unknown_type      no such type with this clock and limit: the caller's list of types is out of date
--   unknown_facility  no facility has the code given
--   other_facility    the facility is of another type than the case's; `detail` is its type
--   far_facility      the facility lies `detail` metres away
--   no_cells          the grid is empty
--   no_number         all 99,999 numbers of the county's day are used
-- Anything but the first two has written nothing.
--
-- A known id is looked for first, so that a report sent again costs no search. Sent twice at one moment, both
-- search, and ON CONFLICT lets one of them file. Sent again it writes too (`received_again`): its commit then
-- waits for the standby like the first one's, and its answer is as good.
-- No lock and no NOTIFY: both make commits queue.
CREATE FUNCTION file_report(
    report_id uuid,
    body bytea,
    type text,
    clock text,
    limit_value double precision,
    lon double precision,
    lat double precision,
    accuracy_m double precision,
    crs text,
    message text,
    facility text,
    photos text[],
    observed_at timestamptz,
    received_at timestamptz,
    due_at timestamptz,
    day text,
    source text,
    person bigint,
    worker bigint,
    facility_reach_m double precision,
    OUT outcome text,
    OUT detail text,
    OUT card jsonb
)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_variable
DECLARE
    place geometry := ST_SetSRID(ST_MakePoint(lon, lat), 4326);
    kind text;
    cell record;
    community text;
    holder record;
    thing record;
    thing_id bigint;
    number text;
    tries integer := 0;
    same boolean;
    filed cases;
BEGIN
    SELECT c.body_sha256 = body AND c.reported_by IS NOT DISTINCT FROM person INTO same
    FROM cases c
    WHERE c.id = report_id;
    IF FOUND THEN
        IF NOT same THEN
            outcome := 'differs';
            RETURN;
        END IF;
        UPDATE cases c SET received_again = c.received_again + 1 WHERE c.id = report_id RETURNING c.* INTO filed;
        outcome := 'again';
        card := case_card(filed);
        RETURN;
    END IF;

    SELECT t.facility_type_code INTO kind
    FROM case_types t
    WHERE t.code = type AND t.clock = file_report.clock AND t.limit_value = file_report.limit_value;
    IF NOT FOUND THEN
        outcome := 'unknown_type';
        RETURN;
    END IF;

    cell := locate_cell(place, received_at);
    IF cell.cell_code IS NULL THEN
        outcome := 'no_cells';
        RETURN;
    END IF;
    community := left(cell.cell_code, 12);
    holder := holder_of(CASE WHEN cell.outside_m IS NULL THEN cell.cell_code END, community, received_at);

    IF facility IS NOT NULL THEN
        SELECT f.id, f.type_code, ST_Distance(f.geom::geography, place::geography) AS metres INTO thing
        FROM facilities f
        WHERE f.code = facility;
        IF NOT FOUND THEN
            outcome := 'unknown_facility';
        ELSIF thing.type_code <> kind THEN
            outcome := 'other_facility';
            detail := thing.type_code;
        ELSIF thing.metres > facility_reach_m THEN
            outcome := 'far_facility';
            detail := round(thing.metres::numeric)::text;
        END IF;
        IF outcome IS NOT NULL THEN
            RETURN;
        END IF;
        thing_id := thing.id;
    ELSE
        thing_id := nearest_facility(place, kind, 30);
    END IF;

    -- The sequence turns over at 99,999; a number that the county has given today is passed over.
    LOOP
        number := left(community, 6) || day || lpad(nextval('case_serials')::text, 5, '0');
        EXIT WHEN NOT EXISTS (SELECT FROM cases c WHERE c.no = number);
        tries := tries + 1;
        IF tries > 1000 THEN
            outcome := 'no_number';
            RETURN;
        END IF;
    END LOOP;

    INSERT INTO cases AS c (
        id, no, kind, type_code, status, source, text, geom, accuracy_m, crs_source,
        observed_at, received_at, due_at, cell_code, nearest_cell_code, outside_m, community_code,
        worker_id, desk_code, facility_id, reported_by, body_sha256, stage_due_at
    ) VALUES (
        report_id, number, 'incident', type, 'reported', source, message, place, accuracy_m, crs,
        observed_at, received_at, due_at,
        CASE WHEN cell.outside_m IS NULL THEN cell.cell_code END,
        CASE WHEN cell.outside_m IS NOT NULL THEN cell.cell_code END,
        cell.outside_m, community, holder.worker_id, holder.desk_code, thing_id, person, body, received_at + interval '15 minutes'
    )
    ON CONFLICT (id) DO UPDATE SET received_again = c.received_again + 1
        WHERE c.body_sha256 = excluded.body_sha256 AND c.reported_by IS NOT DISTINCT FROM excluded.reported_by
    RETURNING c.* INTO filed;
    IF NOT FOUND THEN
        outcome := 'differs';
        RETURN;
    END IF;
    IF filed.received_again > 0 THEN
        outcome := 'again';
        card := case_card(filed);
        RETURN;
    END IF;

    INSERT INTO case_steps (case_id, at, step, to_status, by_person, worker_id)
    VALUES (report_id, received_at, 'report', 'reported', person, worker);
    IF photos <> '{}' THEN
        INSERT INTO case_photos (case_id, sha256, position)
        SELECT report_id, p.sha256, p.position FROM unnest(photos) WITH ORDINALITY p (sha256, position);
    END IF;
    outcome := 'filed';
    card := case_card(filed);
    INSERT INTO events (at, kind, subject, area_code, payload)
    VALUES (received_at, 'case_reported', report_id::text, community, card);
END $$;
