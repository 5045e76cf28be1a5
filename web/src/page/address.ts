/** A search as the page's address holds it, so that a link or a bookmark brings it back. */

import { KINDS, type Kind } from './recognition';

export interface Tolerance {
	phash: number;
	dhash: number;
}

export interface Search {
	text: string;
	/** How the text is to be taken; null for what it looks like. */
	kind: Kind | null;
	/** Which of a record's pictures, or of the files with a link. */
	pick: number;
	tolerance: Tolerance;
	/** Of the picture that somebody gave, in hexadecimal; the picture itself is kept nowhere. */
	sha1: string | null;
}

export const DEFAULT: Tolerance = { phash: 8, dhash: 8 };
/** As far as sliders go by themselves; hardly anything beyond is alike. */
export const WIDEST = 32;
const BITS = 64;

/** The search in an address's query; whatever is wrong there is left out. */
export function parse(query: string): Search {
	const given = new URLSearchParams(query);
	const kind = KINDS.find((known) => known === given.get('as')) ?? null;
	const sha1 = given.get('sha1');
	return {
		text: given.get('q') ?? '',
		kind,
		pick: whole(given.get('pick'), 0, 9999),
		tolerance: {
			phash: whole(given.get('phash'), DEFAULT.phash, BITS),
			dhash: whole(given.get('dhash'), DEFAULT.dhash, BITS)
		},
		sha1: sha1 && /^[0-9a-f]{40}$/.test(sha1) ? sha1 : null
	};
}

/** The query of an address for a search, with nothing in it that goes without saying. */
export function format(search: Search, uselang: string | null): string {
	const query = new URLSearchParams();
	const { text, kind, pick, tolerance, sha1 } = search;
	if (text) {
		query.set('q', text);
	}
	if (kind) {
		query.set('as', kind);
	}
	if (pick) {
		query.set('pick', String(pick));
	}
	for (const name of ['phash', 'dhash'] as const) {
		if (tolerance[name] !== DEFAULT[name]) {
			query.set(name, String(tolerance[name]));
		}
	}
	if (sha1) {
		query.set('sha1', sha1);
	}
	if (uselang) {
		query.set('uselang', uselang);
	}
	const told = query.toString();
	return told ? `?${told}` : '';
}

function whole(given: string | null, otherwise: number, most: number): number {
	return given && /^\d{1,4}$/.test(given) ? Math.min(Number(given), most) : otherwise;
}
