<?php
/** Names the thumbnails of TIFF files as the extension PagedTiffHandler does, which Debian has not. */
class PagedTiff extends TiffHandler {
	public function makeParamString( $params ) {
		return 'lossy-page1-' . parent::makeParamString( $params );
	}

	public function parseParamString( $string ) {
		$named = preg_match( '/^lossy-page1-(\d+)px$/', $string, $found );
		return $named ? [ 'width' => $found[1] ] : false;
	}

	// The parent's looks for a private constant of its own in the class that extends it.
	public function isExpensiveToThumbnail( $file ) {
		return false;
	}
}
