-- name: types
-- What can be reported.
SELECT code, name_zh, name_en, unit, urgency, clock, limit_value, facility_type_code
FROM case_types
ORDER BY code;

-- name: file_report
-- File a report once; the function of the same name says what comes of it.
SELECT outcome, detail, card
FROM file_report(
    :id, :body, :type, :clock, :limit_value, :lon, :lat, :accuracy_m, :crs, :text, :facility, :photos,
    :observed_at, :received_at, :due_at, :day, :source, :person, :worker, :facility_reach_m
);

-- name: steps
-- The steps of a case, oldest first. Who did it is told to a :desk, a citizen's name by its first character
-- only; to others when it was themselves.
SELECT s.at, s.step, s.from_status, s.to_status, s.note, s.by_role,
       CASE WHEN CAST(:desk AS boolean) OR s.by_person = CAST(:person AS bigint) THEN s.data END AS data,
       CASE WHEN s.by_person = CAST(:person AS bigint) THEN p.name
            WHEN s.worker_id = CAST(:worker AS bigint) THEN w.name
            WHEN NOT CAST(:desk AS boolean) THEN NULL
            WHEN w.id IS NOT NULL THEN w.name
            WHEN EXISTS (SELECT FROM grants g WHERE g.person_id = p.id AND g.role <> 'citizen') THEN p.name
            ELSE left(p.name, 1) || '*' END AS by
FROM case_steps s
LEFT JOIN people p ON p.id = s.by_person
LEFT JOIN workers w ON w.id = s.worker_id
WHERE s.case_id = :id
ORDER BY s.at, s.id;

-- name: areas_of
-- Districts and towns that a list of cases can be narrowed to, each district before its towns.
SELECT a.code, a.name, a.level, CASE a.level WHEN 'town' THEN coalesce(up.name, '') ELSE a.name END AS district
FROM areas a
LEFT JOIN areas up ON up.code = a.parent_code
WHERE a.level IN ('district', 'town')
  AND a.code LIKE ANY (CAST(:patterns AS text[]))
ORDER BY a.code;
