-- What a replica has of copies of a wiki's pictures: {files} pages from {first} on, the pictures by turns.

CREATE TABLE page LIKE {wiki}.page;

INSERT INTO page (page_id, page_namespace, page_title, page_is_redirect, page_is_new, page_random, page_touched,
    page_latest, page_len)
SELECT {first} + seq, page_namespace, CONCAT('Copy', {first} + seq, 'of', page_title), page_is_redirect,
    page_is_new, page_random, page_touched, page_latest, page_len
FROM seq_0_to_{last} JOIN (
    SELECT page.*, ROW_NUMBER() OVER (ORDER BY page_id) - 1 AS number FROM {wiki}.page WHERE page_namespace = 6
) AS picture ON number = seq % {pictures};

CREATE TABLE image LIKE {wiki}.image;

INSERT INTO image
SELECT page_title, img_size, img_width, img_height, img_metadata, img_bits, img_media_type, img_major_mime,
    img_minor_mime, img_description_id, img_actor, img_timestamp, img_sha1
FROM page JOIN {wiki}.image ON img_name = SUBSTRING_INDEX(page_title, 'of', -1);

ANALYZE TABLE page, image;
