-- What a Commons replica has of the hashed files: tables like those of MediaWiki, titles as people give them.

CREATE TABLE page (
    page_id INT UNSIGNED NOT NULL PRIMARY KEY,
    page_namespace INT NOT NULL,
    page_title VARBINARY(255) NOT NULL,
    page_is_redirect TINYINT UNSIGNED NOT NULL DEFAULT 0,
    UNIQUE KEY page_name_title (page_namespace, page_title)
);

CREATE TABLE image (
    img_name VARBINARY(255) NOT NULL PRIMARY KEY,
    img_size BIGINT UNSIGNED NOT NULL,
    img_width INT NOT NULL,
    img_height INT NOT NULL,
    img_major_mime VARBINARY(16) NOT NULL,
    img_minor_mime VARBINARY(100) NOT NULL,
    img_timestamp BINARY(14) NOT NULL,
    img_sha1 VARBINARY(32) NOT NULL
);

INSERT INTO page (page_id, page_namespace, page_title)
SELECT DISTINCT commons, 6, CONCAT('Market_square_of_a_town_seen_from_the_north,_', LPAD(commons, 10, '0'), '.jpg')
FROM {hashes}.phash;

INSERT INTO image
SELECT page_title, 2345678, 4000, 3000, 'image', 'jpeg', '20240102030405', LEFT(SHA1(page_title), 31)
FROM page;

ANALYZE TABLE page, image;
