<?php
/**
 * What makes a MediaWiki behave like Wikimedia Commons. The LocalSettings.php that the installer writes
 * ends by reading this file; whatever the wiki writes, it writes below the folder of that LocalSettings.php.
 */

$folder = dirname( MW_CONFIG_FILE );

$wgArticlePath = '/wiki/$1';
$wgCacheDirectory = "$folder/cache";
$wgTmpDirectory = "$folder/tmp";

// Maintenance scripts and the server share no memory, so neither may remember what the other changes.
$wgMainCacheType = CACHE_NONE;
$wgSessionCacheType = CACHE_DB;
$wgJobRunRate = 0;

$wgEnableUploads = true;
$wgUploadDirectory = "$folder/web/images";
$wgUploadPath = "$wgServer/images";
$wgDeletedDirectory = "$folder/deleted";
$wgFileExtensions = [ 'jpg', 'jpeg', 'png', 'gif', 'webp', 'tif', 'tiff', 'svg', 'pdf', 'djvu' ];

// Thumbnails are made when they are asked for. Commands need no sandbox here, which root could not have.
$wgGenerateThumbnailOnParse = false;
$wgShellRestrictionMethod = false;
$wgMaxShellMemory = 0;
$wgMaxImageArea = 100e6;
$wgSVGConverter = 'rsvg';
$wgDjvuDump = 'djvudump';
$wgDjvuRenderer = 'ddjvu';
$wgDjvuTxt = 'djvutxt';
wfLoadExtension( 'PdfHandler' );
$wgTiffThumbnailType = [ 'jpg', 'image/jpeg' ];
$wgAutoloadClasses['PagedTiff'] = __DIR__ . '/PagedTiff.php';
$wgMediaHandlers['image/tiff'] = 'PagedTiff';

$wgRCFeeds['tests'] = [
	'formatter' => 'JSONRCFeedFormatter',
	'uri' => getenv( 'WIKI_FEED' ),
	'omit_bots' => false,
];
