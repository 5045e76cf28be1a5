/** What people paste, read as a question that the service can answer. */

export const KINDS = ['title', 'pageId', 'hashes', 'finna', 'link'] as const;
export type Kind = (typeof KINDS)[number];

export type Question =
	| { kind: 'title'; title: string }
	| { kind: 'pageId'; pageId: number }
	| { kind: 'hashes'; phash: string; dhash: string }
	| { kind: 'finna'; id: string }
	| { kind: 'link'; domain: string; path: string };

/** A text taken for one kind; `question` is null where something is missing or wrong for that kind. */
export interface Reading {
	kind: Kind;
	question: Question | null;
}

const NAMESPACE = /^:?\s*(?:file|image|tiedosto|kuva|fil|bild|datei|fichier|archivo|ficheiro|plik|bestand|файл)\s*:\s*/i;
const EXTENSION = /\.(?:jpe?g|jpe|png|gif|webp|tiff?|svg|pdf|djvu?|xcf|avif|jxl)$/i;
const NUMBER = /^(?:[Mm#]|page id:? )?(-?\d{1,16})$/;
const HOST = /^((?:[\p{L}\p{N}-]+\.)+[\p{L}][\p{L}\p{N}-]*)(?::\d+)?\.?(?:\s*(\/.*))?$/u;
const PLAIN_HOST = /^(?:[a-z0-9-]+\.)+[a-z]{2,}(?:\/|$)/;
const FINNA_ID = /^[a-z][\w-]*\.(?=\S*[\dA-Z])\S+$/;
const SHORTEST_PATH = 3;
const UPLOADED = /\/([0-9a-f])\/\1[0-9a-f]\/(?:\d{14}!)?([^/]+)/;

/** The likeliest reading; null for nothing at all. */
export function recognise(given: string): Reading | null {
	const text = tidy(given);
	if (!text) {
		return null;
	}
	const kind = likeliest(text);
	return { kind, question: READERS[kind](text) };
}

/** The text read as one kind, whatever it looks like. */
export function read(given: string, kind: Kind): Reading | null {
	const text = tidy(given);
	return text ? { kind, question: READERS[kind](text) } : null;
}

/** Both hashes as one spelling that is recognised again. */
export function spellHashes(phash: string, dhash: string): string {
	return `${phash} ${dhash}`;
}

function likeliest(text: string): Kind {
	if (/^\[\[/.test(text) || NAMESPACE.test(text)) {
		return 'title';
	}
	const url = asUrl(text);
	if (url) {
		return kindOfUrl(url);
	}
	if (readHashes(text) || isOneHash(text)) {
		return 'hashes';
	}
	if (NUMBER.test(text)) {
		return 'pageId';
	}
	if (EXTENSION.test(text) && !/^[\w-]+(?:\.[\w-]+)+\//.test(text)) {
		return 'title';
	}
	if (FINNA_ID.test(text) && !PLAIN_HOST.test(text)) {
		return 'finna';
	}
	return HOST.test(text) ? 'link' : 'title';
}

function kindOfUrl(url: URL): Kind {
	if (fromOldTool(url, 'phash')) {
		return 'hashes';
	}
	if (pageIdInUrl(url)) {
		return 'pageId';
	}
	if (finnaInUrl(url)) {
		return 'finna';
	}
	return titleInUrl(url) ? 'title' : 'link';
}

const READERS: Record<Kind, (text: string) => Question | null> = {
	title: readTitle,
	pageId: readPageId,
	hashes: readHashes,
	finna: readFinna,
	link: readLink
};

function readTitle(text: string): Question | null {
	const url = asUrl(text);
	const name = url ? titleInUrl(url) : text.replace(/^\[\[([^|\]]*).*$/, '$1');
	const bare = name?.replace(NAMESPACE, '').replaceAll('_', ' ').trim();
	return bare ? { kind: 'title', title: `File:${bare}` } : null;
}

function readPageId(text: string): Question | null {
	const url = asUrl(text);
	const digits = url ? pageIdInUrl(url) : NUMBER.exec(text)?.[1];
	const pageId = Number(digits ?? 0);
	return pageId && Math.abs(pageId) < 2 ** 31 ? { kind: 'pageId', pageId } : null;
}

function readHashes(text: string): Question | null {
	const url = asUrl(text);
	const words = url
		? [fromOldTool(url, 'phash'), fromOldTool(url, 'dhash')]
		: (labelled(text) ?? text.split(/[\s,;/|&]+/).map((word) => word.replace(/^["'(]+|["')]+$/g, '')));
	const [phash, dhash, ...more] = words;
	if (!phash || !dhash || more.length) {
		return null;
	}
	const decimal = [phash, dhash].every(isDecimal) && !(phash.length === 16 && dhash.length === 16);
	const pair = [phash, dhash].map((word) => (decimal ? fromDecimal(word) : fromHex(word)));
	return pair[0] && pair[1] ? { kind: 'hashes', phash: pair[0], dhash: pair[1] } : null;
}

function readFinna(text: string): Question | null {
	const url = asUrl(text);
	const id = url ? finnaInUrl(url) : text;
	return id && /^\S+\.\S+$/.test(id) ? { kind: 'finna', id } : null;
}

function readLink(text: string): Question | null {
	const found = HOST.exec(text.replace(/^(?:https?:)?\/\//i, ''));
	const [, domain = '', path = ''] = found ?? [];
	return path.length < SHORTEST_PATH ? null : { kind: 'link', domain: domain.toLowerCase(), path };
}

function tidy(text: string): string {
	const shown = text.replace(/[\u200e\u200f\u202a-\u202e]/g, '').trim();
	return shown.replace(/^(["'`])([^"'`]*)\1$/, '$2').replace(/^<(https?:[^<>]*)>$/i, '$1');
}

function asUrl(text: string): URL | null {
	const bare = /^[\w-]+(?:\.[\w-]+)*\.(?:org|com|net|fi)(?:\/|$)/i.test(text);
	const address = /^\/\//.test(text) ? `https:${text}` : bare ? `https://${text}` : text;
	return /^https?:/i.test(address) && URL.canParse(address) ? new URL(address) : null;
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/** The page that a wiki's address names, with its namespace. */
function pageInUrl(url: URL): string {
	const viewed = /^#\/media\/(.+)/.exec(url.hash)?.[1];
	const path = /\/wiki\/(.+)/.exec(url.pathname)?.[1] ?? /\/(File:.+)/i.exec(url.pathname)?.[1];
	return decoded(viewed ?? path ?? '') || (url.searchParams.get('title') ?? '');
}

function titleInUrl(url: URL): string | null {
	const page = pageInUrl(url);
	const redirected = /^[^/]+:(?:FilePath|Redirect\/file)\/(.+)/i.exec(page)?.[1];
	if (redirected) {
		return redirected;
	}
	// Wikis name the namespace in their own languages: one word before a file's name is taken for it.
	const named = NAMESPACE.test(page) || (/^[^:/]+:/.test(page) && EXTENSION.test(page));
	if (named) {
		return page.replace(/^:?[^:]+:/, '');
	}
	return /wikimedia\.org$/.test(url.host) ? decoded(UPLOADED.exec(url.pathname)?.[2] ?? '') || null : null;
}

function pageIdInUrl(url: URL): string | null {
	const entity = /\/(?:entity\/M|wiki\/Special:(?:EntityPage\/M|Redirect\/page\/))(\d+)$/i.exec(url.pathname)?.[1];
	return entity ?? url.searchParams.get('curid') ?? url.searchParams.get('page_id');
}

function finnaInUrl(url: URL): string | null {
	const asked = url.searchParams.get('finna_id');
	if (asked || !/(?:^|\.)finna\.fi$/i.test(url.hostname)) {
		return asked;
	}
	return decoded(/\/Record\/([^/]+)/i.exec(url.pathname)?.[1] ?? '') || url.searchParams.get('id');
}

function fromOldTool(url: URL, name: 'phash' | 'dhash'): string | null {
	return url.searchParams.get(name);
}

/** Both hashes by their names, or by their properties in Commons' structured data, in either order. */
function labelled(text: string): string[] | null {
	const value = '["\']?[^0-9a-z-]{1,6}(-?(?:0x)?[0-9a-f]+)';
	const phash = new RegExp(`(?:phash|p9310)${value}`, 'i').exec(text)?.[1];
	const dhash = new RegExp(`(?:dhash|p12563)${value}`, 'i').exec(text)?.[1];
	return phash && dhash ? [phash, dhash] : null;
}

function isOneHash(text: string): boolean {
	return /^(?:0x[0-9a-f]{1,16}|[0-9a-f]{16}|\d{17,20})$/i.test(text);
}

function isDecimal(word: string): boolean {
	return /^-?\d{1,20}$/.test(word);
}

function fromHex(word: string): string | null {
	return /^(?:0x[0-9a-f]{1,16}|[0-9a-f]{16})$/i.test(word)
		? word.replace(/^0x/i, '').toLowerCase().padStart(16, '0')
		: null;
}

/** Unsigned, or signed as some databases print it. */
function fromDecimal(word: string): string | null {
	const number = BigInt(word);
	const fits = number < 2n ** 64n && number >= -(2n ** 63n);
	return fits ? BigInt.asUintN(64, number).toString(16).padStart(16, '0') : null;
}
