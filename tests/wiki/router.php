<?php
/**
 * Addresses as on Wikimedia's servers. `php -S` asks this script first, and serves the file that is at the
 * address where it returns false.
 */

/** The script of MediaWiki that answers at a path, '' where none does. */
function entry_point( string $path ): string {
	if ( preg_match( '#^/w/(api|index|load|thumb)\.php$#', $path, $found ) ) {
		return "$found[1].php";
	}
	if ( str_starts_with( $path, '/wiki/' ) ) {
		return 'index.php';
	}
	return str_starts_with( $path, '/images/thumb/' ) ? 'thumb_handler.php' : '';
}

/** Whether a path is that of a thumbnail in a width that Wikimedia's servers do not serve. */
function is_refused( string $path ): bool {
	$named = preg_match( '#^/images/thumb/.*/(?:(?:lossy-|lossless-)?page\d+-)?(\d+)px-[^/]*$#', $path, $found );
	return $named && !in_array( $found[1], explode( ',', getenv( 'WIKI_STEPS' ) ) );
}

$path = rawurldecode( parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH ) ?: '' );
if ( is_refused( $path ) ) {
	http_response_code( 400 );
	return true;
}
if ( is_file( $_SERVER['DOCUMENT_ROOT'] . $path ) ) {
	return false;
}
if ( entry_point( $path ) === '' ) {
	http_response_code( 404 );
	return true;
}
// Here rather than in a function, since MediaWiki's settings are global variables.
require getenv( 'MW_INSTALL_PATH' ) . '/' . entry_point( $path );
