-- Rows as they come, made of a number g: titles of six words, names, hashes, details of the log of some 200 signs.
INSERT INTO blobs (sha256, size, stored_at, text_state, checked_at, check_state)
SELECT encode(sha256(CAST(g AS text)::bytea), 'hex'), 4200000, now(), 'done', now() - g * interval '1 second', 'intact'
FROM generate_series(1, %(n)s) g;

INSERT INTO artifacts (id, system_id, title, kind, description, status, covers_from, covers_until, current_version,
                       created_at, created_by, owner_id, due_on)
SELECT g, 1, 'Quarterly review of firewall exports ' || g, 'record',
       'What was seen at the review, who was there and what follows from it ' || g, 'approved', current_date - 90,
       current_date, 1, now(), 1, 1, current_date + mod(g, 365)
FROM generate_series(1, %(n)s) g;

INSERT INTO artifact_versions (artifact_id, number, received_at, received_by, manifest_sha256)
SELECT g, 1, now(), 1, encode(sha256(CAST(g AS text)::bytea), 'hex') FROM generate_series(1, %(n)s) g;

INSERT INTO artifact_files (artifact_id, number, position, filename, media_type, sha256)
SELECT g, 1, 1, 'firewall-export-' || g || '.pdf', 'application/pdf', encode(sha256(CAST(g AS text)::bytea), 'hex')
FROM generate_series(1, %(n)s) g;

INSERT INTO links (artifact_id, system_id, requirement, letter, linked_at, linked_by, locator, shows)
SELECT g, 1, 'AC.L2-3.1.' || 1 + mod(g, 22), 'a', now(), 1, 'section 4.2, page 7', 'who approved each entry'
FROM generate_series(1, %(n)s) g;

INSERT INTO artifact_search (id, words)
SELECT g, setweight(to_tsvector('simple', 'Quarterly review of firewall exports ' || g), 'A')
       || to_tsvector('simple', 'firewall-export-' || g || '.pdf What was seen, who was there, what follows from it')
FROM generate_series(1, %(n)s) g;

INSERT INTO packages (id, system_id, number, name, purpose, frozen_at, snapshot, snapshot_sha256, log_sha256, artifacts,
                      bytes, retained_until, releasable, version)
VALUES (1, 1, 1, 'final', 'final', now(), '{}', '', '', 0, 0, current_date, true, 1);

INSERT INTO package_files (package_id, position, path, size, sha256, crc32)
SELECT 1, g, 'artifacts/AC/AC.L2-3.1.1/' || g || ' firewall-export-' || g || '.pdf', 4200000,
       encode(sha256(CAST(g AS text)::bytea), 'hex'), 3000000000
FROM generate_series(1, %(n)s) g;

INSERT INTO pins (artifact_id, number, holder, until)
SELECT g, 1, 'package:1', current_date + 2192 FROM generate_series(1, %(n)s) g;

INSERT INTO audit (at, actor_id, actor, address, action, entity, detail, previous, hash)
SELECT '2026-11-28T12:00:00.000000Z', 1 + mod(g, 40), 'person' || mod(g, 40), '192.0.2.17', 'artifact:created',
       'artifact:' || g,
       '{"files":[{"filename":"firewall-export-' || g || '.pdf","sha256":"'
       || encode(sha256(CAST(g AS text)::bytea), 'hex') || '","size":4200000}],"title":"Quarterly review ' || g || '"}',
       encode(sha256(CAST(g AS text)::bytea), 'hex'), encode(sha256(CAST(-g AS text)::bytea), 'hex')
FROM generate_series(1, %(n)s) g;
