/**
 * Find near copies: a user script for file pages and upload pages of Wikimedia Commons.
 *
 * What it does, what it sends and when, and how to install it: README.md beside its source.
 * ES2017, without build step; texts of others reach the page as text nodes alone.
 */
( function () {
	'use strict';

	const SECONDS = 60;
	const MOST_BYTES = 20e6;

	/** Of 64 bits, how many may differ in each hash between a file and a scaled-down copy of it. */
	const SCALED = 2;

	const MESSAGES = {
		en: {
			link: 'Find near copies',
			tooltip: 'Ask the ImageHash tool which files look like this one',
			title: 'Near copies',
			close: 'Close',
			loading: 'Looking for near copies…',
			found: '{{PLURAL:$1|One file looks like this one.|$1 files look like this one. The closest come first.}}',
			'found-at-least': 'At least $1 files look like this one. The closest come first.',
			same: 'The very same file',
			deleted: 'Deleted',
			plain: 'Plain picture',
			sizes: '$1 × $2 pixels',
			'sizes-larger': '$1 × $2 pixels, larger than this file',
			'sizes-smaller': '$1 × $2 pixels, smaller than this file',
			'sizes-equal': '$1 × $2 pixels, like this file',
			distances: 'Of 64 bits differ: $1 in pHash, $2 in dHash',
			untitled: 'Page $1',
			log: 'Why it was deleted',
			'tag-here': 'Fill in $1 on this file',
			'tag-there': 'Fill in $1 on that file',
			'request-here': 'Fill in a deletion request for this file',
			'why-same': 'It is the later one of two equal files.',
			'why-scaled': 'It seems to be a scaled-down copy. Hashes do not see colours or small details: compare both first.',
			'why-near': 'A near copy, but not an equal or a scaled-down one: others have to agree that it goes.',
			more: 'Show more',
			none: 'No other file looks like this one.',
			'none-next': 'Crops, rotated and mirrored copies are not found this way: try a search by its subject or its source.',
			'not-indexed': 'The tool has not looked at this file yet.',
			'not-indexed-next': 'That does not mean that there are no copies. New files are there within a day or so: try again then.',
			failed: 'The tool could not hash this file, so it cannot find copies of it.',
			'failed-next': 'The file may be damaged, or no picture of a type that can be compared. Compare by eye.',
			degraded: 'Part of what is known could not be read just now: titles, sizes or files may be missing, and nothing is proposed without them. Try again in some minutes.',
			low: 'This picture is so plain that different pictures have the same hashes. Compare by eye.',
			unreachable: 'The tool could not be reached.',
			'unreachable-next': 'See whether you are online and whether something in your browser blocks $1, then try again.',
			busy: 'The tool has too much to do just now, or is just starting.',
			'busy-next': 'Try again in a minute.',
			'busy-seconds': 'Try again in {{PLURAL:$1|a second|$1 seconds}}.',
			trouble: 'The tool could not answer.',
			'trouble-next': 'Try again in some minutes. If it stays so, tell the maintainers what it says:',
			wiki: 'The wiki could not be asked whether it has this very file.',
			'wiki-next': 'See whether you are online, then try again.',
			again: 'Try again',
			'upload-title': 'Is your picture here already?',
			'upload-intro': 'Nothing is sent before you press the button. Then this wiki is asked for the very same file; if it has none, the picture is sent to $1, which computes its hashes and does not keep it.',
			'upload-choose': 'Choose your picture below, then check it here.',
			'upload-file': 'Picture to check',
			'upload-check': 'Check for near copies',
			'upload-nothing': 'No picture is chosen.',
			'upload-nothing-next': 'Choose one, then press the button again.',
			'upload-same': 'This very file is here already. Nothing was sent to the tool.',
			'upload-found': '{{PLURAL:$1|One file looks|$1 files look}} like your picture. Look at them before you upload it.',
			'upload-found-at-least': 'At least $1 files look like your picture. Look at them before you upload it.',
			'upload-none': 'No file here looks like your picture.',
			'too-large': 'This very file is not here, and it is too large to be looked for by its hashes.',
			'too-large-next': 'The tool takes up to 20 MB: check a smaller version of it.',
			'not-picture': 'The tool cannot hash this file.',
			'not-picture-next': 'It takes JPEG, PNG, WebP, TIFF and GIF that are not damaged.',
			filled: 'The form is filled in and nothing is saved: a template is at the top of the text. Look at both files, mend what is not right, then save, or leave the page.',
			'filled-request': 'The box that the template makes has the links for the next steps of the request.',
			tagged: 'Nothing is filled in, since the text has such a template already.',
			other: 'The other file:'
		},
		fi: {
			link: 'Etsi lähes samat kuvat',
			tooltip: 'Kysy ImageHash-työkalulta, mitkä tiedostot näyttävät samalta kuin tämä',
			title: 'Lähes samat kuvat',
			close: 'Sulje',
			loading: 'Etsitään lähes samoja kuvia…',
			found: '{{PLURAL:$1|Yksi tiedosto muistuttaa tätä.|$1 tiedostoa muistuttaa tätä. Lähimmät ovat ensin.}}',
			'found-at-least': 'Ainakin $1 tiedostoa muistuttaa tätä. Lähimmät ovat ensin.',
			same: 'Täsmälleen sama tiedosto',
			deleted: 'Poistettu',
			plain: 'Pelkistetty kuva',
			sizes: '$1 × $2 kuvapistettä',
			'sizes-larger': '$1 × $2 kuvapistettä, suurempi kuin tämä tiedosto',
			'sizes-smaller': '$1 × $2 kuvapistettä, pienempi kuin tämä tiedosto',
			'sizes-equal': '$1 × $2 kuvapistettä, samankokoinen kuin tämä tiedosto',
			distances: 'Eroavia bittejä 64:stä: pHash $1, dHash $2',
			untitled: 'Sivu $1',
			log: 'Miksi se poistettiin',
			'tag-here': 'Valmistele $1 tälle tiedostolle',
			'tag-there': 'Valmistele $1 toiselle tiedostolle',
			'request-here': 'Valmistele poistopyyntö tälle tiedostolle',
			'why-same': 'Se on kahdesta samasta tiedostosta myöhemmin tallennettu.',
			'why-scaled': 'Se näyttää pienennetyltä kopiolta. Tiivisteet eivät erota värejä eivätkä pieniä yksityiskohtia: vertaa ensin kuvia.',
			'why-near': 'Lähes sama, mutta ei täsmälleen sama eikä pienennetty: poistosta päätetään yhdessä.',
			more: 'Näytä lisää',
			none: 'Mikään muu tiedosto ei muistuta tätä.',
			'none-next': 'Rajattuja, käännettyjä ja peilattuja kopioita ei näin löydy: etsi aiheen tai lähteen mukaan.',
			'not-indexed': 'Työkalu ei ole vielä käsitellyt tätä tiedostoa.',
			'not-indexed-next': 'Se ei tarkoita, ettei kopioita ole. Uudet tiedostot tulevat mukaan noin päivässä: yritä silloin uudelleen.',
			failed: 'Työkalu ei voinut laskea tämän tiedoston tiivisteitä eikä siksi löydä sen kopioita.',
			'failed-next': 'Tiedosto voi olla viallinen tai muuta kuin vertailtava kuva. Vertaa silmämääräisesti.',
			degraded: 'Osaa tiedoista ei voitu juuri nyt lukea: nimiä, kokoja tai tiedostoja voi puuttua, eikä ilman niitä ehdoteta mitään. Yritä uudelleen muutaman minuutin päästä.',
			low: 'Kuva on niin pelkistetty, että erilaisillakin kuvilla on samat tiivisteet. Vertaa silmämääräisesti.',
			unreachable: 'Työkaluun ei saatu yhteyttä.',
			'unreachable-next': 'Tarkista, oletko verkossa ja estääkö jokin selaimessasi osoitteen $1, ja yritä uudelleen.',
			busy: 'Työkalulla on juuri nyt liikaa tehtävää, tai se on vasta käynnistymässä.',
			'busy-next': 'Yritä uudelleen minuutin päästä.',
			'busy-seconds': 'Yritä uudelleen {{PLURAL:$1|sekunnin|$1 sekunnin}} päästä.',
			trouble: 'Työkalu ei voinut vastata.',
			'trouble-next': 'Yritä uudelleen muutaman minuutin päästä. Jos sama jatkuu, kerro ylläpitäjille, mitä se sanoo:',
			wiki: 'Wikiltä ei voitu kysyä, onko sillä täsmälleen tämä tiedosto.',
			'wiki-next': 'Tarkista, oletko verkossa, ja yritä uudelleen.',
			again: 'Yritä uudelleen',
			'upload-title': 'Onko kuvasi täällä jo?',
			'upload-intro': 'Mitään ei lähetetä ennen kuin painat painiketta. Silloin tältä wikiltä kysytään täsmälleen samaa tiedostoa, ja jollei sellaista ole, kuva lähetetään osoitteeseen $1, joka laskee sen tiivisteet eikä säilytä sitä.',
			'upload-choose': 'Valitse kuvasi alempaa ja tarkista se sitten tässä.',
			'upload-file': 'Tarkistettava kuva',
			'upload-check': 'Etsi lähes samat kuvat',
			'upload-nothing': 'Kuvaa ei ole valittu.',
			'upload-nothing-next': 'Valitse kuva ja paina painiketta uudelleen.',
			'upload-same': 'Täsmälleen tämä tiedosto on täällä jo. Työkalulle ei lähetetty mitään.',
			'upload-found': '{{PLURAL:$1|Yksi tiedosto|$1 tiedostoa}} muistuttaa kuvaasi. Katso {{PLURAL:$1|se|ne}} ennen kuin tallennat kuvasi.',
			'upload-found-at-least': 'Ainakin $1 tiedostoa muistuttaa kuvaasi. Katso ne ennen kuin tallennat kuvasi.',
			'upload-none': 'Mikään täällä oleva tiedosto ei muistuta kuvaasi.',
			'too-large': 'Täsmälleen tätä tiedostoa ei täällä ole, ja se on liian suuri etsittäväksi tiivisteiden avulla.',
			'too-large-next': 'Työkalu ottaa vastaan enintään 20 Mt: tarkista kuvan pienempi versio.',
			'not-picture': 'Työkalu ei voi laskea tämän tiedoston tiivisteitä.',
			'not-picture-next': 'Se ottaa vastaan ehjiä JPEG-, PNG-, WebP-, TIFF- ja GIF-tiedostoja.',
			filled: 'Lomake on täytetty, eikä mitään ole tallennettu: malline on tekstin alussa. Katso molempia tiedostoja, korjaa, mikä ei pidä paikkaansa, ja tallenna, tai poistu sivulta.',
			'filled-request': 'Mallineen tekemässä laatikossa ovat linkit poistopyynnön seuraaviin vaiheisiin.',
			tagged: 'Mitään ei täytetty, koska tekstissä on jo tällainen malline.',
			other: 'Toinen tiedosto:'
		}
	};

	const STYLES = `
.near-copies { clear: both; margin: 0.5em 0 1em; padding: 12px 16px; border: 1px solid var(--border-color-base, #a2a9b1);
	border-radius: 2px; background-color: var(--background-color-base, #fff); color: var(--color-base, #202122); }
.near-copies-head { display: flex; align-items: center; justify-content: space-between; gap: 8px; }
.near-copies .near-copies-title { margin: 0; padding: 0; border: 0; font: bold 1.125em/1.4 sans-serif; color: inherit; }
.near-copies .near-copies-title::after { content: none; }
.near-copies .near-copies-title:focus { outline: 0; }
.near-copies p { margin: 6px 0; }
.near-copies .cdx-message { margin: 8px 0; }
.near-copies .cdx-message p { margin: 0; }
.near-copies .cdx-message p + p, .near-copies .cdx-message .cdx-button { margin-top: 4px; }
.near-copies .near-copies-matches { list-style: none; margin: 8px 0; padding: 0; }
.near-copies-match { display: flex; gap: 16px; margin: 0; padding: 12px 0; border-top: 1px solid var(--border-color-subtle, #c8ccd1); }
.near-copies-picture { flex: 0 0 120px; height: 120px; display: flex; align-items: center; justify-content: center;
	background-color: var(--background-color-neutral-subtle, #f8f9fa); }
.near-copies-picture img { max-width: 100%; max-height: 100%; }
.near-copies-facts { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.near-copies-facts > :first-child { margin-top: 0; }
.near-copies-tag { display: inline-block; margin: 0 6px 0 0; padding: 0 8px; border-radius: 10px; font-size: 0.875em;
	background-color: var(--background-color-neutral, #eaecf0); color: var(--color-base, #202122); }
.near-copies-tag-same { background-color: var(--background-color-success-subtle, #d5fdf4); }
.near-copies-tag-deleted { background-color: var(--background-color-error-subtle, #fee7e6); }
.near-copies-tag-plain { background-color: var(--background-color-warning-subtle, #fef6e7); }
.near-copies-quiet { color: var(--color-subtle, #54595d); font-size: 0.875em; }
.near-copies input[ type='file' ] { display: block; max-width: 100%; margin: 4px 0 8px; }
@media ( max-width: 480px ) {
	.near-copies { padding: 8px 12px; }
	.near-copies-match { gap: 12px; }
	.near-copies-picture { flex-basis: 80px; height: 80px; }
}`;

	const MATCHES = `{
		totalCount truncated pageInfo { hasNextPage endCursor }
		nodes {
			phashDistance dhashDistance
			file { pageId title thumbnailUrl(width: 250) width height mime sha1 deleted hashes { lowInformation } }
		}
	}`;
	const OF_FILE = `query ($page: Int!, $after: String) {
		file(pageId: $page) {
			pageId title width height mime sha1 status hashes { lowInformation }
			matches(first: 20, after: $after) ${ MATCHES }
		}
	}`;
	const OF_HASHES = `query ($phash: Hash!, $dhash: Hash!, $after: String) {
		search(phash: $phash, dhash: $dhash, first: 20, after: $after) ${ MATCHES }
	}`;

	/** Why there is no answer: the name of a message, and what else there is to say. */
	class Problem extends Error {
		constructor( name, seconds, said ) {
			super( said || name );
			this.name = name;
			this.seconds = seconds;
			this.said = said;
		}
	}

	/** The tool's address, which common.js may set after this script has run. */
	function tool() {
		return String( window.imagehashTool || 'https://imagehash.toolforge.org' ).replace( /\/+$/, '' );
	}

	function setMessages() {
		const language = mw.config.get( 'wgUserLanguage' );
		const texts = Object.assign( {}, MESSAGES.en, MESSAGES[ language ] );
		Object.keys( texts ).forEach( ( name ) => {
			// Those that a wiki or a user has set stay.
			if ( !mw.messages.exists( `near-copies-${ name }` ) ) {
				mw.messages.set( `near-copies-${ name }`, texts[ name ] );
			}
		} );
		return MESSAGES[ language ] ? language : 'en';
	}

	function text( name, ...parameters ) {
		// eslint-disable-next-line mediawiki/msg-doc
		return mw.message( `near-copies-${ name }`, ...parameters ).text();
	}

	// What is asked, and of whom.

	/** The JSON that the tool answers; rejects with a Problem. Cookies and the page's address stay here. */
	function ask( path, options ) {
		const controller = new AbortController();
		const timer = setTimeout( () => controller.abort(), SECONDS * 1000 );
		const manners = { credentials: 'omit', referrerPolicy: 'no-referrer', signal: controller.signal };
		return fetch( tool() + path, Object.assign( manners, options ) ).then( ( response ) => {
			const body = response.json().catch( () => ( {} ) );
			return body.then( ( answer ) => {
				clearTimeout( timer );
				return read( response, answer );
			} );
		}, () => {
			throw new Problem( 'unreachable' );
		} );
	}

	function read( response, body ) {
		const error = ( body.errors || [] )[ 0 ];
		const seconds = Number( response.headers.get( 'Retry-After' ) ) ||
			( error && error.extensions && error.extensions.retryAfter );
		if ( [ 429, 503 ].includes( response.status ) || ( seconds && !body.data ) ) {
			throw new Problem( 'busy', seconds );
		}
		if ( [ 413, 415, 422 ].includes( response.status ) ) {
			throw new Problem( response.status === 413 ? 'too-large' : 'not-picture' );
		}
		if ( !response.ok || ( error && !body.data ) || !Object.keys( body ).length ) {
			throw new Problem( 'trouble', seconds, ( error && error.message ) || body.error || `HTTP ${ response.status }` );
		}
		return body;
	}

	/** GraphQL by GET, which browsers may cache and send without asking the tool first. */
	function query( source, variables ) {
		const parameters = { query: source.replace( /\s+/g, ' ' ), variables: JSON.stringify( variables ) };
		return ask( `/graphql?${ $.param( parameters ) }` );
	}

	/** What the tool says of matches, in one form for all who ask; rejects with a Problem. */
	function result( answer, matches, subject ) {
		const errors = answer.errors || [];
		const status = subject.status || 'INDEXED';
		if ( status === 'INDEXED' && !matches ) {
			throw new Problem( 'trouble', undefined, errors.length ? errors[ 0 ].message : undefined );
		}
		return {
			subject,
			status,
			degraded: errors.length > 0 || ( ( answer.extensions || {} ).degraded || [] ).length > 0,
			nodes: matches ? matches.nodes : [],
			total: matches ? matches.totalCount : 0,
			truncated: Boolean( matches && matches.truncated ),
			after: matches && matches.pageInfo.hasNextPage ? matches.pageInfo.endCursor : null
		};
	}

	function nearFile( page, after ) {
		return query( OF_FILE, { page, after } ).then( ( answer ) => {
			const file = answer.data.file || ( answer.errors ? {} : { status: 'NOT_INDEXED' } );
			return result( answer, file.matches, file );
		} );
	}

	function nearHashes( hashes, after ) {
		return query( OF_HASHES, { phash: hashes.phash, dhash: hashes.dhash, after } ).then(
			( answer ) => result( answer, ( answer.data || {} ).search, { hashes } )
		);
	}

	/** The files of this wiki with just these bytes. */
	function equalFiles( sha1 ) {
		const api = new mw.Api();
		return Promise.resolve( api.get( {
			action: 'query', formatversion: 2, generator: 'allimages', gaisha1: sha1, gailimit: 20,
			prop: 'imageinfo', iiprop: 'size|mime|sha1|url', iiurlwidth: 250
		} ) ).then( ( answer ) => ( ( answer.query || {} ).pages || [] ).map( ( page ) => {
			const info = page.imageinfo[ 0 ];
			const file = { pageId: page.pageid, title: page.title, thumbnailUrl: info.thumburl };
			return { phashDistance: 0, dhashDistance: 0, file: Object.assign( file, {
				width: info.width, height: info.height, mime: info.mime, sha1: info.sha1
			} ) };
		} ), () => {
			throw new Problem( 'wiki' );
		} );
	}

	function sha1Of( buffer ) {
		return crypto.subtle.digest( 'SHA-1', buffer ).then( ( digest ) => Array.from(
			new Uint8Array( digest ), ( byte ) => byte.toString( 16 ).padStart( 2, '0' )
		).join( '' ) );
	}

	/** This wiki is asked first, by SHA-1; only a picture that it does not have goes to the tool. */
	function nearUpload( file ) {
		let sha1;
		return file.arrayBuffer().then( sha1Of ).then( ( computed ) => {
			sha1 = computed;
			return equalFiles( sha1 );
		} ).then( ( nodes ) => {
			if ( nodes.length ) {
				return { subject: { sha1 }, status: 'SAME', nodes, total: nodes.length, after: null };
			}
			if ( file.size > MOST_BYTES ) {
				throw new Problem( 'too-large' );
			}
			return ask( '/hash', { method: 'POST', body: file } ).then( ( hashes ) => nearHashes( hashes, null ) );
		} );
	}

	// What is proposed.

	/** Whether one file is the other in fewer pixels, as far as hashes and sizes can tell. */
	function isScaledDown( small, large, match ) {
		const unlike = Math.abs( small.width * large.height - small.height * large.width );
		return match.phashDistance <= SCALED && match.dhashDistance <= SCALED &&
			![ small, large ].some( isPlain ) && Boolean( small.mime ) && small.mime === large.mime &&
			small.width < large.width && small.height < large.height &&
			// One pixel is what rounding can do to the proportions.
			unlike <= Math.max( large.width, large.height );
	}

	function isPlain( file ) {
		return Boolean( file.hashes && file.hashes.lowInformation );
	}

	/** Which form to fill in for a match, on the page of which file; null where too little is known. */
	function proposal( subject, match ) {
		const other = match.file;
		const known = ( file ) => fileTitle( file.title ) && file.sha1 && file.width && file.height;
		if ( other.deleted || !known( subject ) || !known( other ) ) {
			return null;
		}
		if ( subject.sha1 === other.sha1 ) {
			const here = subject.pageId > other.pageId;
			return { kind: 'same', here, tagged: here ? subject : other, kept: here ? other : subject };
		}
		if ( isScaledDown( other, subject, match ) ) {
			return { kind: 'scaled', here: false, tagged: other, kept: subject };
		}
		if ( isScaledDown( subject, other, match ) ) {
			return { kind: 'scaled', here: true, tagged: subject, kept: other };
		}
		return [ subject, other ].some( isPlain ) ? null : { kind: 'near', here: true, tagged: subject, kept: other };
	}

	/** The title of a file page, as mw.Title has it; null for anything else. */
	function fileTitle( title ) {
		const parsed = mw.Title.newFromText( title || '' );
		return parsed && parsed.getNamespaceId() === 6 ? parsed : null;
	}

	function formUrl( proposed, match ) {
		return mw.util.getUrl( proposed.tagged.title, {
			action: 'edit',
			nearcopies: proposed.kind,
			nearcopiesof: proposed.kept.title,
			nearcopiesat: `${ match.phashDistance },${ match.dhashDistance }`
		} );
	}

	// What is shown.

	/** Whether a picture comes from this wiki or, on Wikimedia's wikis, from its other servers. */
	function isOwn( url ) {
		const host = new URL( url, location.href ).host;
		const wikimedia = /(^|\.)wikimedia\.org$/;
		return host === location.host || ( wikimedia.test( host ) && wikimedia.test( location.host ) );
	}

	function shownTitle( file ) {
		return file.title || text( 'untitled', String( file.pageId ) );
	}

	function fileUrl( file ) {
		if ( file.deleted || file.pageId < 0 ) {
			return null;
		}
		const title = fileTitle( file.title );
		return title ? title.getUrl() : mw.util.getUrl( '', { curid: file.pageId } );
	}

	function sizes( file, subject ) {
		const pixels = [ file, subject ].map( ( { width, height } ) => width * height );
		const order = pixels[ 1 ] ? [ 'sizes-smaller', 'sizes-equal', 'sizes-larger' ][ Math.sign( pixels[ 0 ] - pixels[ 1 ] ) + 1 ] : 'sizes';
		return text( order, mw.language.convertNumber( file.width ), mw.language.convertNumber( file.height ) );
	}

	/** The panel as a Vue component, made of Codex where this wiki has the part. */
	function panel( { h }, { CdxButton, CdxMessage, CdxProgressBar } ) {
		const weight = CdxButton.props && 'weight' in CdxButton.props ? 'weight' : 'type';

		function button( label, kind, onClick ) {
			return h( CdxButton, { action: kind === 'primary' ? 'progressive' : 'default', [ weight ]: kind, onClick }, () => label );
		}

		function message( type, lines ) {
			return h( CdxMessage, { type }, () => lines.map(
				( line ) => typeof line === 'string' ? h( 'p', line ) : line
			) );
		}

		function tag( name ) {
			return h( 'span', { class: [ 'near-copies-tag', `near-copies-tag-${ name }` ] }, text( name ) );
		}

		function proposed( subject, match ) {
			const form = proposal( subject, match );
			if ( !form ) {
				return null;
			}
			const [ name, template ] = form.kind === 'near' ? [ 'request-here', '' ] : [ form.here ? 'tag-here' : 'tag-there', '{{Duplicate}}' ];
			return h( 'p', [
				h( 'a', { href: formUrl( form, match ) }, text( name, template ) ),
				h( 'br' ),
				h( 'span', { class: 'near-copies-quiet' }, text( `why-${ form.kind }` ) )
			] );
		}

		function matched( subject, match, hashed ) {
			const file = match.file;
			const href = fileUrl( file );
			const tags = [
				subject.sha1 && subject.sha1 === file.sha1 && tag( 'same' ),
				file.deleted && tag( 'deleted' ),
				isPlain( file ) && tag( 'plain' )
			].filter( Boolean );
			const shown = file.thumbnailUrl && isOwn( file.thumbnailUrl );
			return h( 'li', { class: 'near-copies-match', key: file.pageId, tabindex: -1 }, [
				h( 'div', { class: 'near-copies-picture' }, shown ? [ h( 'img', { src: file.thumbnailUrl, alt: '' } ) ] : [] ),
				h( 'div', { class: 'near-copies-facts' }, [
					h( 'p', [ href ? h( 'a', { href }, shownTitle( file ) ) : shownTitle( file ) ] ),
					tags.length ? h( 'p', tags ) : null,
					file.width ? h( 'p', sizes( file, subject ) ) : null,
					hashed ? h( 'p', text( 'distances', match.phashDistance, match.dhashDistance ) ) : null,
					file.deleted && fileTitle( file.title ) ? h( 'p', [ h( 'a', {
						href: mw.util.getUrl( 'Special:Log', { type: 'delete', page: file.title } )
					}, text( 'log' ) ) ] ) : null,
					proposed( subject, match )
				] )
			] );
		}

		return {
			compatConfig: { MODE: 3 },
			// `find` answers for a cursor; `upload` is given on upload pages, `close` elsewhere.
			props: [ 'find', 'upload', 'close', 'language' ],
			data() {
				return { state: 'idle', found: null, problem: null, asked: 0 };
			},
			mounted() {
				if ( !this.upload ) {
					this.focus();
					this.search();
				} else if ( this.upload.input ) {
					this.upload.input.addEventListener( 'change', () => this.reset() );
				}
			},
			methods: {
				focus() {
					this.$refs.heading.focus();
				},
				reset() {
					this.asked++;
					this.state = 'idle';
				},
				/** The answer to an earlier question is of no interest. */
				settle( promise, take ) {
					const number = ++this.asked;
					const current = ( then ) => ( value ) => number === this.asked && then( value );
					promise.then( current( take ) ).catch( current( ( error ) => {
						this.problem = error instanceof Problem ? error : new Problem( 'trouble', undefined, String( error ) );
						this.state = 'problem';
					} ) );
				},
				search() {
					this.state = 'loading';
					this.settle( Promise.resolve().then( () => this.find( null ) ), ( found ) => {
						this.found = found;
						this.state = 'found';
					} );
				},
				more() {
					const before = this.found;
					this.settle( this.find( before.after, before.subject ), ( found ) => {
						this.found = Object.assign( {}, found, { nodes: before.nodes.concat( found.nodes ) } );
						// The button may be gone by then.
						this.$nextTick( () => this.$refs.list.children[ before.nodes.length ].focus() );
					} );
				},
				heading() {
					return h( 'div', { class: 'near-copies-head' }, [
						h( 'h2', { id: 'near-copies-title', class: 'near-copies-title', ref: 'heading', tabindex: -1 },
							text( this.upload ? 'upload-title' : 'title' ) ),
						this.close ? button( text( 'close' ), 'quiet', this.close ) : null
					] );
				},
				consent() {
					if ( !this.upload ) {
						return [];
					}
					return [
						h( 'p', text( 'upload-intro', new URL( tool() ).host ) ),
						this.upload.input ? h( 'p', text( 'upload-choose' ) ) : h( 'label', [
							text( 'upload-file' ),
							h( 'input', { type: 'file', accept: 'image/*', ref: 'file', onChange: this.reset } )
						] ),
						button( text( 'upload-check' ), 'primary', this.search )
					];
				},
				trouble() {
					const { name, seconds, said } = this.problem;
					const next = name === 'busy' && seconds ? text( 'busy-seconds', seconds ) : text( `${ name }-next`, new URL( tool() ).host );
					return message( name === 'upload-nothing' ? 'notice' : 'error', [
						text( name ), next, said ? h( 'p', [ h( 'code', said ) ] ) : '',
						this.upload ? '' : button( text( 'again' ), 'normal', this.search )
					].filter( Boolean ) );
				},
				summary() {
					const { status, total, truncated, nodes } = this.found;
					const upload = this.upload ? 'upload-' : '';
					if ( status === 'SAME' ) {
						return message( 'warning', [ text( 'upload-same' ) ] );
					}
					if ( status !== 'INDEXED' ) {
						const name = status === 'FAILED' ? 'failed' : 'not-indexed';
						return message( 'notice', [ text( name ), text( `${ name }-next` ) ] );
					}
					if ( !nodes.length ) {
						return message( 'success', [ text( `${ upload }none` ), text( 'none-next' ) ] );
					}
					return h( 'p', text( `${ upload }found${ truncated ? '-at-least' : '' }`, total ) );
				},
				listing() {
					const { subject, status, nodes, degraded, after } = this.found;
					return [
						this.summary(),
						degraded ? message( 'warning', [ text( 'degraded' ) ] ) : null,
						isPlain( subject ) ? message( 'warning', [ text( 'low' ) ] ) : null,
						nodes.length ? h( 'ul', { class: 'near-copies-matches', ref: 'list' },
							nodes.map( ( match ) => matched( subject, match, status !== 'SAME' ) ) ) : null,
						after ? button( text( 'more' ), 'normal', this.more ) : null
					];
				}
			},
			render() {
				const parts = {
					idle: () => [],
					loading: () => [ h( 'p', text( 'loading' ) ), h( CdxProgressBar, { 'aria-label': text( 'loading' ) } ) ],
					problem: () => [ this.trouble() ],
					found: () => this.listing()
				};
				return h( 'section', {
					class: 'near-copies',
					'aria-labelledby': 'near-copies-title',
					lang: this.language,
					dir: 'ltr',
					onKeydown: ( event ) => event.key === 'Escape' && this.close && this.close()
				}, [
					this.heading(),
					...this.consent(),
					h( 'div', { class: 'near-copies-answer', 'aria-live': 'polite', 'aria-busy': String( this.state === 'loading' ) }, parts[ this.state ]() )
				] );
			}
		};
	}

	/** Mount a component at the top of the page's content, or before another element. */
	function mount( component, properties, next ) {
		return mw.loader.using( [
			'vue', '@wikimedia/codex', 'mediawiki.util', 'mediawiki.Title', 'mediawiki.api', 'mediawiki.jqueryMsg', 'mediawiki.language'
		] ).then( ( require ) => {
			mw.util.addCSS( STYLES );
			const Vue = require( 'vue' );
			const place = document.createElement( 'div' );
			if ( next ) {
				next.before( place );
			} else {
				document.getElementById( 'mw-content-text' ).prepend( place );
			}
			const app = Vue.createMwApp( component( Vue, require( '@wikimedia/codex' ) ), properties );
			const instance = app.mount( place );
			return { instance, remove() {
				app.unmount();
				place.remove();
			} };
		} );
	}

	// Where it shows.

	function onFilePage( language ) {
		const portlet = [ 'p-tb', 'p-cactions' ].find( ( id ) => document.getElementById( id ) );
		const link = portlet && mw.util.addPortletLink( portlet, '#', text( 'link' ), 't-near-copies', text( 'tooltip' ) );
		if ( !link ) {
			return;
		}
		const page = mw.config.get( 'wgArticleId' );
		let opened = null;
		const close = () => {
			opened.then( ( { remove } ) => remove() );
			opened = null;
			link.querySelector( 'a' ).focus();
		};
		link.addEventListener( 'click', ( event ) => {
			event.preventDefault();
			if ( opened ) {
				opened.then( ( { instance } ) => instance.focus() );
			} else {
				opened = mount( panel, { find: ( after ) => nearFile( page, after ), close, language } );
			}
		} );
	}

	function onUploadPage( language ) {
		const input = document.getElementById( 'wpUploadFile' );
		let opened;
		const chosen = ( instance ) => ( input || instance.$refs.file ).files[ 0 ];
		const find = ( after, subject ) => {
			if ( after ) {
				return nearHashes( subject.hashes, after );
			}
			return opened.then( ( { instance } ) => {
				const file = chosen( instance );
				if ( !file ) {
					throw new Problem( 'upload-nothing' );
				}
				return nearUpload( file );
			} );
		};
		opened = mount( panel, { find, upload: { input }, language }, input && input.form );
	}

	/** The wikitext and the summary for a proposal that the address tells of, both in the language of Commons. */
	function prepared( kind, kept, at ) {
		const link = `[[:${ kept.getPrefixedText() }]]`;
		const file = mw.config.get( 'wgPageName' ).replace( /_/g, ' ' );
		const distances = `Of 64 bits differ: ${ at[ 0 ] } in pHash, ${ at[ 1 ] } in dHash.`;
		if ( kind === 'near' ) {
			const now = new Date();
			const month = now.toLocaleString( 'en', { month: 'long', timeZone: 'UTC' } );
			return {
				wikitext: `{{delete|reason=Near copy of ${ link }. ${ distances }|subpage=${ file }|year=${ now.getUTCFullYear() }|month=${ month }|day=${ now.getUTCDate() }}}`,
				summary: `Requesting deletion: near copy of ${ link }`
			};
		}
		const reason = kind === 'same' ? 'Exact duplicate (same SHA-1), uploaded later.' : `Scaled-down duplicate. ${ distances }`;
		return {
			wikitext: `{{Duplicate|1=${ kept.getMainText() }|2=${ reason }}}`,
			summary: `${ kind === 'same' ? 'Exact' : 'Scaled-down' } duplicate of ${ link }`
		};
	}

	function onForm( language ) {
		mw.loader.using( [ 'mediawiki.util', 'mediawiki.Title', 'jquery.textSelection' ] ).then( () => {
			const kind = mw.util.getParamValue( 'nearcopies' );
			const kept = fileTitle( mw.util.getParamValue( 'nearcopiesof' ) );
			const at = /^(\d{1,2}),(\d{1,2})$/.exec( mw.util.getParamValue( 'nearcopiesat' ) || '' );
			const $text = $( '#wpTextbox1' );
			if ( ![ 'same', 'scaled', 'near' ].includes( kind ) || !kept || !at || !$( '#wpSave' ).length ) {
				return;
			}
			const before = $text.textSelection( 'getContents' );
			const tagged = /\{\{\s*(duplicate|dup|delete)\s*[|}]/i.test( before );
			if ( !tagged ) {
				const { wikitext, summary } = prepared( kind, kept, at.slice( 1 ) );
				$text.textSelection( 'setContents', `${ wikitext }\n${ before }` );
				$( '#wpSummary' ).val( summary );
			}
			mount( ( { h }, { CdxMessage } ) => ( {
				compatConfig: { MODE: 3 },
				render: () => h( 'div', { class: 'near-copies-notice', lang: language, dir: 'ltr' }, [
					h( CdxMessage, { type: tagged ? 'warning' : 'notice' }, () => [
						h( 'p', text( tagged ? 'tagged' : 'filled' ) ),
						kind === 'near' && !tagged ? h( 'p', text( 'filled-request' ) ) : null,
						h( 'p', [ text( 'other' ), ' ', h( 'a', { href: kept.getUrl(), target: '_blank' }, kept.getPrefixedText() ) ] )
					] )
				] )
			} ) );
		} );
	}

	$.when( mw.loader.using( 'mediawiki.util' ), $.ready ).then( () => {
		const { wgNamespaceNumber: namespace, wgAction: action, wgArticleId: page, wgCanonicalSpecialPageName: special } =
			mw.config.get( [ 'wgNamespaceNumber', 'wgAction', 'wgArticleId', 'wgCanonicalSpecialPageName' ] );
		if ( namespace === 6 && action === 'view' && page ) {
			onFilePage( setMessages() );
		} else if ( namespace === 6 && action === 'edit' && mw.util.getParamValue( 'nearcopies' ) ) {
			onForm( setMessages() );
		} else if ( [ 'Upload', 'UploadWizard' ].includes( special ) ) {
			onUploadPage( setMessages() );
		}
	} );
}() );
