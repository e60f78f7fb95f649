-- name: tracked
-- The case of a tracking number; whether the secret is right is found out in a time that tells nothing.
SELECT c.id, a.secret_sha256
FROM cases c
JOIN appeals a ON a.case_id = c.id
WHERE c.no = :no;

-- name: state
-- What the person behind a case is told of it.
SELECT c.id, c.no, c.status, c.text, a.wish, c.received_at, c.due_at, c.clock_left_s, c.closed_at, c.satisfaction,
       c.suspended_until, t.name_zh, t.name_en, u.name_zh AS unit_zh, u.name_en AS unit_en
FROM cases c
JOIN appeals a ON a.case_id = c.id
JOIN case_types t ON t.code = c.type_code
LEFT JOIN units u ON u.code = c.unit_code
WHERE c.id = :id;

-- name: steps
-- The steps that the person is told of, oldest first: what was answered, and what they said themselves.
SELECT s.at, s.step, u.name_zh AS unit_zh, u.name_en AS unit_en,
       CASE WHEN s.step IN ('feedback', 'answer', 'call_back') THEN s.data ->> 'result' END AS result,
       CASE WHEN s.step IN ('add', 'withdraw', 'object', 'dissatisfied', 'hold_to_account') AND s.by_role = 'citizen'
            THEN coalesce(nullif(s.note, ''), s.data ->> 'reason') END AS own
FROM case_steps s
LEFT JOIN units u ON u.code = s.unit_code
WHERE s.case_id = :id
  AND s.step IN ('report', 'accept', 'file', 'dispatch', 'sign', 'feedback', 'answer', 'call_back', 'suspend', 'resume',
                 'extend', 'rework', 'order', 'satisfied', 'dissatisfied', 'hold_to_account', 'decide', 'reopen', 'object',
                 'add', 'withdraw', 'urge', 'pass', 'unreached', 'force_close', 'void', 'merge')
ORDER BY s.at, s.id;

-- name: said_before
-- How many appeals of the last day say the same.
SELECT count(*) FROM cases c
WHERE c.received_at > :since AND c.source = 'web' AND c.text = :text;

-- name: suspect
-- Appeals that somebody should look at before they are accepted, oldest first, in these areas.
SELECT c.id, c.no, c.text, c.received_at, a.suspect
FROM appeals a
JOIN cases c ON c.id = a.case_id
WHERE a.suspect IS NOT NULL
  AND c.closed_at IS NULL
  AND c.community_code LIKE ANY (CAST(:areas AS text[]))
ORDER BY c.received_at, c.id
LIMIT 200;

-- name: clear
-- Somebody looked: it is no spam. Nothing happens when it lies elsewhere.
UPDATE appeals a SET suspect = NULL
FROM cases c
WHERE a.case_id = :id AND c.id = a.case_id AND c.community_code LIKE ANY (CAST(:areas AS text[]));
