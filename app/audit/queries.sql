-- name: append
-- Write a row of the record; its number, transaction and moment are the database's own.
INSERT INTO audit_log (person_id, username, action, subject, area_code, detail)
VALUES (:person_id, :username, :action, :subject, :area_code, CAST(:detail AS jsonb));

-- name: seal_lock
-- One chain, one writer of it; the lock ends with the transaction.
SELECT pg_advisory_xact_lock(hashtext('audit.seal ' || current_schema()));

-- name: chain_end
-- The last link.
SELECT no, hash FROM audit_chain ORDER BY no DESC LIMIT 1;

-- name: sealed_below
-- All rows of transactions below this one are in the chain. 0, so that all rows are looked through, before the first
-- sealing and after a dump was restored into a server whose counter is behind.
SELECT coalesce(max(h.below) FILTER (
    WHERE h.below < CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)), 0)
FROM (SELECT below FROM audit_heads ORDER BY no DESC LIMIT 1) h;

-- name: unsealed
-- Committed rows that are in no chain, by (transaction, number). A transaction that still runs is not waited for:
-- `below` is the oldest that does, and the next sealing looks for its rows from there on.
SELECT CAST(CAST(a.xid AS text) AS bigint) AS xid,
       CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS below,
       a.id, a.at, a.person_id, a.username, a.action, a.subject, a.area_code, CAST(a.detail AS text) AS detail
FROM audit_log a
WHERE a.xid >= CAST(CAST(CAST(:since AS bigint) AS text) AS xid8)
  AND NOT EXISTS (SELECT FROM audit_chain c WHERE c.id = a.id)
ORDER BY a.xid, a.id
LIMIT :most;

-- name: span
-- The places in the chain that were sealed from :start on and before :end, by the heads; NULL leaves a side open.
SELECT coalesce((SELECT max(h.no) FROM audit_heads h WHERE h.at < CAST(:start AS timestamptz)), 0) + 1 AS first,
       CASE WHEN CAST(:end AS timestamptz) IS NULL THEN 9223372036854775807
            ELSE coalesce((SELECT max(h.no) FROM audit_heads h WHERE h.at < CAST(:end AS timestamptz)), 0)
       END AS last;

-- name: link_before
-- The hash that place :first follows.
SELECT hash FROM audit_chain WHERE no = :first - 1;

-- name: links
-- The chain with its rows, in order; a row that is gone is empty.
SELECT c.no, c.id, c.hash, a.id AS found, a.at, a.person_id, a.username, a.action, a.subject, a.area_code,
       CAST(a.detail AS text) AS detail
FROM audit_chain c
LEFT JOIN audit_log a ON a.id = c.id
WHERE c.no BETWEEN :first AND :last
ORDER BY c.no;

-- name: heads
-- The signed heads of a part of the chain, in order.
SELECT no, at, hash, key, signature FROM audit_heads WHERE no BETWEEN :first AND :last ORDER BY no;

-- name: newest_head
-- The newest signed head.
SELECT no, at, hash, key, signature FROM audit_heads ORDER BY no DESC LIMIT 1;

-- name: overdue
-- Rows that should long be in the chain and are not.
SELECT count(*) AS rows, min(a.id) AS first
FROM audit_log a
WHERE a.at < :before AND NOT EXISTS (SELECT FROM audit_chain c WHERE c.id = a.id);

-- name: last_verified
-- What the last verification found.
SELECT at, detail FROM audit_log WHERE action = 'record_verified' ORDER BY id DESC LIMIT 1;

-- name: rights
-- What the role that asks could do to the record: nothing but read and append is right.
SELECT current_user AS role, r.rolsuper AS superuser,
       bool_or(pg_has_role(current_user, c.relowner, 'MEMBER')) AS owner,
       bool_or(has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE')
               OR has_table_privilege(c.oid, 'TRUNCATE')) AS may_change
FROM pg_class c
CROSS JOIN pg_roles r
WHERE c.oid IN (CAST('audit_log' AS regclass), CAST('audit_chain' AS regclass), CAST('audit_heads' AS regclass))
  AND r.rolname = current_user
GROUP BY r.rolsuper;
