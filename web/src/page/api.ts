/** The service as the page knows it: questions in GraphQL, and the hashes of a picture. */

import type { Hashes, Operation } from './queries';

export interface Note {
	code: string;
	message: string;
}

export interface Answer<Data> {
	data: Data;
	/** What some fields could not be told for, and what the service had to do without. */
	notes: Note[];
	asOf: string | null;
}

export type Cause = 'network' | 'limited' | 'busy' | 'absent' | 'picture' | 'upstream' | 'refused' | 'broken';

/** A question without an answer. */
export class Trouble extends Error {
	constructor(
		readonly cause: Cause,
		message: string,
		/** Seconds after which asking again may help, where the service says so. */
		readonly retryAfter: number | null = null
	) {
		super(message);
	}
}

interface Envelope<Data> {
	data?: Data | null;
	errors?: { message: string; path?: unknown[]; extensions?: { code?: string; retryAfter?: number } }[];
	extensions?: { asOf?: string | null; degraded?: Note[] };
}

interface Reply<Body> {
	response: Response;
	body: Body | null;
}

const CAUSES: Record<string, Cause> = {
	REPLICA_UNAVAILABLE: 'busy',
	DATABASE_UNAVAILABLE: 'busy',
	INDEX_LOADING: 'busy',
	BUSY: 'busy',
	NOT_AVAILABLE: 'absent',
	UPSTREAM_FAILED: 'upstream',
	INTERNAL_SERVER_ERROR: 'broken'
};

/** Ask in GraphQL; throws Trouble where the question itself has no answer. */
export async function ask<Data extends object>(
	operation: Operation,
	signal?: AbortSignal
): Promise<Answer<Data>> {
	const { response, body } = await send<Envelope<Data>>('/graphql', {
		method: 'POST',
		headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
		body: JSON.stringify(operation),
		signal
	});
	const { data, errors = [], extensions = {} } = body ?? {};
	const fatal = errors.find((error) => !data || (error.path?.length ?? 0) <= 1);
	if (fatal) {
		const { code = '', retryAfter = waitOf(response) } = fatal.extensions ?? {};
		throw new Trouble(causeOf(response.status) ?? CAUSES[code] ?? 'refused', fatal.message, retryAfter);
	}
	if (!data) {
		throw troubleOf(response, body);
	}
	const missing = errors.map(({ message, extensions: more }) => ({ code: more?.code ?? '', message }));
	return { data, notes: onceEach([...(extensions.degraded ?? []), ...missing]), asOf: extensions.asOf ?? null };
}

/** The hashes of a picture, which the service reads and forgets; throws Trouble. */
export async function hashesOf(picture: Blob, signal?: AbortSignal): Promise<Hashes> {
	const { response, body } = await send<Hashes>('/hash', { method: 'POST', body: picture, signal });
	if (!response.ok || !body) {
		throw troubleOf(response, body);
	}
	return body;
}

/** The reply and its JSON, null where it has none; throws Trouble where there is no reply. */
async function send<Body>(path: string, request: RequestInit): Promise<Reply<Body>> {
	try {
		const response = await fetch(path, request);
		const text = await response.text();
		return { response, body: parsed(text) };
	} catch (error) {
		if (request.signal?.aborted) {
			throw error;
		}
		throw new Trouble('network', String(error));
	}
}

function parsed<Body>(text: string): Body | null {
	try {
		return JSON.parse(text) as Body;
	} catch {
		return null;
	}
}

function troubleOf(response: Response, body: unknown): Trouble {
	const { error = response.statusText } = (body ?? {}) as { error?: string };
	return new Trouble(causeOf(response.status) ?? 'broken', error, waitOf(response));
}

/** What a status says by itself; null for one that comes with an answer. */
function causeOf(status: number): Cause | null {
	const known: Record<number, Cause> = { 408: 'busy', 415: 'picture', 422: 'picture', 429: 'limited', 502: 'upstream', 503: 'busy', 504: 'upstream' };
	return known[status] ?? (status >= 500 ? 'broken' : status >= 400 ? 'refused' : null);
}

/** Retry-After, which is in seconds here. */
function waitOf(response: Response): number | null {
	const seconds = Number(response.headers.get('Retry-After') ?? NaN);
	return Number.isFinite(seconds) ? seconds : null;
}

function onceEach(notes: Note[]): Note[] {
	return [...new Map(notes.map((note) => [note.code, note])).values()];
}
