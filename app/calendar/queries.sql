-- name: state
-- Which calendar is in force, and the change that is being carried to the open cases.
SELECT coalesce(max(c.version), 0) AS version,
       max(c.id) FILTER (WHERE c.progress IN ('waiting', 'running')) AS carried
FROM calendar_changes c;

-- name: days
-- Every day that differs from its weekday.
SELECT d.day, d.kind, d.name FROM calendar_days d;

-- name: hours
-- From which day on which periods are worked.
SELECT h.from_day, h.periods FROM calendar_hours h ORDER BY h.from_day;

-- name: years
-- The years that are known whole, with where that is from.
SELECT y.year, y.source, y.changed_at, p.name AS changed_by
FROM calendar_years y
LEFT JOIN people p ON p.id = y.changed_by
ORDER BY y.year;

-- name: changes
-- The newest changes, those that wait for somebody first.
SELECT c.id, c.progress, c.change, c.note, c.proposed_at, c.decided_at, c.cases, c.seen, c.moved,
       c.finished_at, c.proposed_by AS proposer_id, p.name AS proposed_by, d.name AS decided_by
FROM calendar_changes c
LEFT JOIN people p ON p.id = c.proposed_by
LEFT JOIN people d ON d.id = c.decided_by
WHERE CAST(:id AS bigint) IS NULL OR c.id = :id
ORDER BY c.progress = 'proposed' DESC, c.id DESC
LIMIT :limit;

-- name: lock_changes
-- Make changes wait for one another; readers do not wait.
SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.calendar'));

-- name: change
-- A change, locked.
SELECT c.id, c.progress, c.change, c.before, c.proposed_by, c.decided_at, c.cursor, c.version
FROM calendar_changes c
WHERE c.id = :id
FOR UPDATE;

-- name: propose
-- A change that waits for a second person.
INSERT INTO calendar_changes (progress, change, note, proposed_by, proposed_at)
VALUES ('proposed', CAST(:change AS jsonb), :note, :by, :at)
RETURNING id;

-- name: come_into_force
-- A change is confirmed: the calendar has a new version, and open cases wait for it.
UPDATE calendar_changes SET
    progress = 'waiting', change = CAST(:change AS jsonb), before = CAST(:before AS jsonb),
    decided_by = :by, decided_at = :at, version = nextval('calendar_version')
WHERE id = :id;

-- name: refuse
-- A change that will not come.
UPDATE calendar_changes SET progress = 'refused', decided_by = :by, decided_at = :at WHERE id = :id;

-- name: put_day
-- What a day is from now on.
INSERT INTO calendar_days (day, kind, name, source, changed_by, changed_at)
VALUES (:day, :kind, :name, :source, :by, :at)
ON CONFLICT (day) DO UPDATE SET
    kind = excluded.kind, name = excluded.name, source = excluded.source,
    changed_by = excluded.changed_by, changed_at = excluded.changed_at;

-- name: drop_day
-- A day becomes what its weekday says.
DELETE FROM calendar_days WHERE day = :day;

-- name: put_year
-- A year is known whole.
INSERT INTO calendar_years (year, source, changed_by, changed_at)
VALUES (:year, :source, :by, :at)
ON CONFLICT (year) DO UPDATE SET
    source = excluded.source, changed_by = excluded.changed_by, changed_at = excluded.changed_at;

-- name: drop_year
-- A year is provisional again.
DELETE FROM calendar_years WHERE year = :year;

-- name: put_hours
-- The working hours from a day on.
INSERT INTO calendar_hours (from_day, periods, changed_by, changed_at)
VALUES (:from_day, :periods, :by, :at)
ON CONFLICT (from_day) DO UPDATE SET
    periods = excluded.periods, changed_by = excluded.changed_by, changed_at = excluded.changed_at;

-- name: drop_hours
-- The hours from a day on become those of before.
DELETE FROM calendar_hours WHERE from_day = :from_day;
