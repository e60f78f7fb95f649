-- Parts of the cards and of search.

-- part: on_duty
-- Whether the worker `w` is on duty.
EXISTS (SELECT FROM shifts s WHERE s.worker_id = w.id AND s.during @> CAST(:at AS timestamptz))

-- part: holder
-- Who holds a post, the worker `w`; the name only for :named areas.
json_build_object(
        'code', w.code,
        'name', CASE WHEN w.home_code LIKE ANY (CAST(:named AS text[])) THEN w.name END,
        'on_duty', {maps.on_duty})

-- part: open_columns
-- What `open` holds of a case `c` and its type `t`.
c.id, c.no, c.status, c.received_at, c.due_at, c.geom, t.code AS type_code, t.name_zh, t.name_en

-- part: open_lines
-- The most pressing cases of `open`, as the lines of a card.
(
        SELECT coalesce(json_agg(json_build_object(
                   'id', o.id, 'no', o.no, 'status', o.status, 'received_at', o.received_at, 'due_at', o.due_at,
                   'type', json_build_object('code', o.type_code, 'name_zh', o.name_zh, 'name_en', o.name_en),
                   'lon', ST_X(o.geom), 'lat', ST_Y(o.geom)) ORDER BY o.due_at), '[]')
        FROM (SELECT * FROM open ORDER BY due_at LIMIT 8) o
    )

-- part: type_name
-- The name of the type `t` in the reader's language.
CASE WHEN CAST(:english AS boolean) THEN t.name_en ELSE t.name_zh END

-- part: facility_words
-- Name and detail of the facility `f` of type `t`: a name that is the type's is told once.
coalesce(nullif(nullif(f.name, ''), t.name_zh), {maps.type_name}) AS name,
       concat_ws(' · ', CASE WHEN f.name NOT IN ('', t.name_zh) THEN {maps.type_name} END, nullif(f.address, '')) AS detail
