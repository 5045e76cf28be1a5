-- The views of Toolforge's replicas, made of the tables of MediaWiki 1.39.

CREATE VIEW {replica}.page AS SELECT * FROM {wiki}.page;

CREATE VIEW {replica}.redirect AS SELECT * FROM {wiki}.redirect;

CREATE VIEW {replica}.site_stats AS SELECT * FROM {wiki}.site_stats;

-- 1.39 has the address in one piece, el_index: https://fi.finna./Record/1, mailto:org.example.@me.
CREATE VIEW {replica}.externallinks AS
SELECT el_id, el_from,
    REGEXP_SUBSTR(el_index, '^[^/@]*(//[^/]*)?') AS el_to_domain_index,
    REGEXP_REPLACE(el_index, '^[^/@]*(//[^/]*)?', '') AS el_to_path
FROM {wiki}.externallinks;

CREATE VIEW {replica}.recentchanges AS
SELECT rc_id, rc_timestamp, IF(rc_deleted & 4, 0, rc_actor) AS rc_actor, rc_namespace, rc_title,
    IF(rc_deleted & 2, 0, rc_comment_id) AS rc_comment_id, rc_minor, rc_bot, rc_new, rc_cur_id,
    rc_this_oldid, rc_last_oldid, rc_type, rc_source, rc_patrolled, NULL AS rc_ip, rc_old_len, rc_new_len,
    rc_deleted, rc_logid, rc_log_type, rc_log_action, rc_params
FROM {wiki}.recentchanges;

CREATE VIEW {replica}.logging AS
SELECT log_id, log_type, IF(log_deleted & 1, NULL, log_action) AS log_action, log_timestamp,
    IF(log_deleted & 4, 0, log_actor) AS log_actor,
    IF(log_deleted & 1, NULL, log_namespace) AS log_namespace,
    IF(log_deleted & 1, NULL, log_title) AS log_title,
    IF(log_deleted & 2, 0, log_comment_id) AS log_comment_id,
    IF(log_deleted, NULL, log_params) AS log_params, log_deleted,
    IF(log_deleted & 1, NULL, log_page) AS log_page
FROM {wiki}.logging
WHERE log_type <> 'suppress';

CREATE VIEW {replica}.logging_logindex AS
SELECT log_id, log_type, log_action, log_timestamp, IF(log_deleted & 4, 0, log_actor) AS log_actor,
    log_namespace, log_title, IF(log_deleted & 2, 0, log_comment_id) AS log_comment_id,
    IF(log_deleted, NULL, log_params) AS log_params, log_deleted, log_page
FROM {wiki}.logging
WHERE log_type <> 'suppress' AND log_deleted & 1 = 0;

CREATE VIEW {replica}.archive AS
SELECT ar_id, ar_namespace, ar_title, NULL AS ar_comment_id, IF(ar_deleted & 4, 0, ar_actor) AS ar_actor,
    ar_timestamp, ar_minor_edit, ar_rev_id, ar_deleted, IF(ar_deleted & 1, NULL, ar_len) AS ar_len,
    ar_page_id, ar_parent_id, IF(ar_deleted & 1, NULL, ar_sha1) AS ar_sha1
FROM {wiki}.archive;

CREATE VIEW {replica}.filearchive AS
SELECT fa_id, fa_name, fa_archive_name, fa_storage_group, NULL AS fa_storage_key, fa_deleted_user,
    fa_deleted_timestamp, fa_deleted_reason_id, IF(fa_deleted & 1, NULL, fa_size) AS fa_size,
    IF(fa_deleted & 1, NULL, fa_width) AS fa_width, IF(fa_deleted & 1, NULL, fa_height) AS fa_height,
    IF(fa_deleted & 1, NULL, fa_metadata) AS fa_metadata, IF(fa_deleted & 1, NULL, fa_bits) AS fa_bits,
    IF(fa_deleted & 1, NULL, fa_media_type) AS fa_media_type,
    IF(fa_deleted & 1, NULL, fa_major_mime) AS fa_major_mime,
    IF(fa_deleted & 1, NULL, fa_minor_mime) AS fa_minor_mime,
    IF(fa_deleted & 2, 0, fa_description_id) AS fa_description_id,
    IF(fa_deleted & 4, NULL, fa_actor) AS fa_actor, fa_timestamp, fa_deleted,
    IF(fa_deleted & 1, NULL, fa_sha1) AS fa_sha1
FROM {wiki}.filearchive;

CREATE VIEW {replica}.image AS
SELECT img_name, img_size, img_width, img_height, img_metadata, img_bits, img_media_type, img_major_mime,
    img_minor_mime, img_description_id, img_actor, img_timestamp, img_sha1
FROM {wiki}.image;

CREATE VIEW {replica}.oldimage AS
SELECT oi_name, oi_archive_name, oi_size, oi_width, oi_height, oi_bits,
    IF(oi_deleted & 2, 0, oi_description_id) AS oi_description_id,
    IF(oi_deleted & 4, NULL, oi_actor) AS oi_actor, oi_timestamp, oi_metadata, oi_media_type,
    oi_major_mime, oi_minor_mime, oi_deleted, oi_sha1
FROM {wiki}.oldimage;

-- Both kinds of versions in one, with the ids that later versions of MediaWiki give them: a file's stays
-- when it is moved, as its page does, and a version's when a newer one comes. No file id is a page id, so
-- that whoever takes one for the other finds nothing.
CREATE OR REPLACE VIEW {wiki}.imagehash_version AS
SELECT page_id + 100000 AS file, img_name AS name, CAST(img_timestamp AS UNSIGNED) * 100000 + page_id AS id,
    1 AS newest, img_size AS size, img_width AS width, img_height AS height, img_metadata AS metadata,
    img_bits AS bits, img_description_id AS description_id, img_actor AS actor, img_timestamp AS timestamp,
    img_sha1 AS sha1, CAST('' AS BINARY) AS archive_name, CAST(0 AS UNSIGNED) AS deleted,
    img_media_type AS media_type, img_major_mime AS major_mime, img_minor_mime AS minor_mime
FROM {wiki}.image JOIN {wiki}.page ON page_namespace = 6 AND page_title = img_name
UNION ALL
SELECT page_id + 100000, oi_name, CAST(oi_timestamp AS UNSIGNED) * 100000 + page_id,
    0, oi_size, oi_width, oi_height, oi_metadata,
    oi_bits, oi_description_id, oi_actor, oi_timestamp,
    oi_sha1, oi_archive_name, oi_deleted,
    oi_media_type, oi_major_mime, oi_minor_mime
FROM {wiki}.oldimage JOIN {wiki}.page ON page_namespace = 6 AND page_title = oi_name;

-- A deleted file keeps its row, and has no versions.
CREATE VIEW {replica}.file AS
SELECT file AS file_id, name AS file_name, id AS file_latest,
    CRC32(CONCAT_WS('/', media_type, major_mime, minor_mime)) AS file_type, 0 AS file_deleted
FROM {wiki}.imagehash_version
WHERE newest
UNION ALL
SELECT MAX(ar_page_id) + 100000, fa_name, CAST(0 AS UNSIGNED),
    MAX(CRC32(CONCAT_WS('/', fa_media_type, fa_major_mime, fa_minor_mime))), 1
FROM {wiki}.filearchive JOIN {wiki}.archive ON ar_namespace = 6 AND ar_title = fa_name
WHERE fa_name NOT IN (SELECT img_name FROM {wiki}.image)
GROUP BY fa_name;

CREATE VIEW {replica}.filerevision AS
SELECT id AS fr_id, file AS fr_file, size AS fr_size, width AS fr_width, height AS fr_height,
    metadata AS fr_metadata, bits AS fr_bits, IF(deleted & 2, 0, description_id) AS fr_description_id,
    IF(deleted & 4, 0, actor) AS fr_actor,
    timestamp AS fr_timestamp, sha1 AS fr_sha1, archive_name AS fr_archive_name, deleted AS fr_deleted
FROM {wiki}.imagehash_version;

CREATE VIEW {replica}.filetypes AS
SELECT CRC32(CONCAT_WS('/', media_type, major_mime, minor_mime)) AS ft_id, media_type AS ft_media_type,
    major_mime AS ft_major_mime, minor_mime AS ft_minor_mime
FROM {wiki}.imagehash_version
UNION
SELECT CRC32(CONCAT_WS('/', fa_media_type, fa_major_mime, fa_minor_mime)), fa_media_type, fa_major_mime,
    fa_minor_mime
FROM {wiki}.filearchive;
