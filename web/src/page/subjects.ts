/** What near files are looked for: a file, two hashes, a picture of a record or one that was given. */

import { ask, type Answer } from './api';
import {
	finnaRecord,
	linkedFiles,
	nearFile,
	nearHashes,
	type ExternalPicture,
	type FileFacts,
	type Hashes,
	type Listing,
	type Near,
	type Operation
} from './queries';
import type { Tolerance } from './address';
import type { Question } from './recognition';

export interface Subject {
	/** How a file is asked for; null for what only has hashes. */
	file: { pageId: number } | { title: string } | null;
	hashes: Hashes | null;
	facts: FileFacts | null;
	name: string | null;
	thumbnail: string | null;
	large: string | null;
	width: number | null;
	height: number | null;
	sha1: string | null;
	/** Whether it is a picture from the reader's own machine. */
	given: boolean;
}

/** A picture that the reader gave, as long as the page is open. */
export interface Given {
	name: string;
	url: string;
	hashes: Hashes;
	sha1: string | null;
	width: number | null;
	height: number | null;
}

/** Several subjects to choose from, and how they were come by. */
export interface Choice {
	title: string | null;
	totalCount: number;
	truncated: boolean;
	cursor: string | null;
	subjects: Subject[];
}

export interface Found {
	/** False where there is no such file. */
	exists: boolean;
	facts: FileFacts | null;
	listing: Near | null;
}

const NOTHING = {
	file: null,
	hashes: null,
	facts: null,
	name: null,
	thumbnail: null,
	large: null,
	width: null,
	height: null,
	sha1: null,
	given: false
};

export function ofFile(facts: FileFacts): Subject {
	return {
		...NOTHING,
		facts,
		file: { pageId: facts.pageId },
		hashes: facts.hashes,
		name: facts.title,
		thumbnail: facts.thumbnailUrl,
		large: facts.largeUrl,
		width: facts.width,
		height: facts.height,
		sha1: facts.sha1
	};
}

export function ofGiven(picture: Given): Subject {
	const { url, ...told } = picture;
	return { ...NOTHING, ...told, thumbnail: url, large: url, given: true };
}

function ofExternal(picture: ExternalPicture): Subject {
	const { thumbnailUrl, hashes } = picture;
	return { ...NOTHING, hashes, thumbnail: thumbnailUrl, large: thumbnailUrl };
}

/** The one subject of a question that names it; null for one that takes a look-up. */
export function named(question: Question, sha1: string | null): Subject | null {
	switch (question.kind) {
		case 'title':
			return { ...NOTHING, file: { title: question.title }, name: question.title };
		case 'pageId':
			return { ...NOTHING, file: { pageId: question.pageId } };
		case 'hashes': {
			const { phash, dhash } = question;
			// Whether they say little is told by the answer.
			return { ...NOTHING, hashes: { phash, dhash, lowInformation: false }, sha1 };
		}
		default:
			return null;
	}
}

/** The pictures of a Finna record; null where there is no such record. */
export async function picturesOf(id: string, signal: AbortSignal): Promise<Choice | null> {
	type Data = { finna: { title: string | null; pictures: ExternalPicture[] } | null };
	const { data } = await ask<Data>(finnaRecord(id), signal);
	if (!data.finna) {
		return null;
	}
	const subjects = data.finna.pictures.map(ofExternal);
	return { title: data.finna.title ?? id, totalCount: subjects.length, truncated: false, cursor: null, subjects };
}

/** Files that link to a site, from a cursor on. */
export async function filesLinking(
	domain: string,
	path: string,
	after: string | null,
	signal: AbortSignal
): Promise<Choice> {
	type Data = { externalLinks: Listing<FileFacts> };
	const { data } = await ask<Data>(linkedFiles(domain, path, after), signal);
	const { totalCount, truncated, pageInfo, nodes } = data.externalLinks;
	const cursor = pageInfo.hasNextPage ? pageInfo.endCursor : null;
	return { title: null, totalCount, truncated, cursor, subjects: nodes.map(ofFile) };
}

/** The question that lists what is near a subject; null for one without hashes. */
export function listing(subject: Subject, tolerance: Tolerance, after: string | null): Operation | null {
	if (subject.file) {
		return nearFile(subject.file, tolerance, after);
	}
	return subject.hashes && nearHashes(subject.hashes, tolerance, after);
}

/** A subject as an answer tells of it. */
export function answered(subject: Subject, { facts, listing }: Found): Subject {
	if (facts) {
		return ofFile(facts);
	}
	const hashes = listing && subject.hashes && { ...subject.hashes, lowInformation: listing.lowInformation };
	return hashes ? { ...subject, hashes } : subject;
}

export async function find(operation: Operation, signal: AbortSignal): Promise<Answer<Found>> {
	type Data = { search?: Near; file?: (FileFacts & { matches: Near | null }) | null };
	const answer = await ask<Data>(operation, signal);
	const { search, file } = answer.data;
	const found = search
		? { exists: true, facts: null, listing: search }
		: { exists: Boolean(file), facts: file ?? null, listing: file?.matches ?? null };
	return { ...answer, data: found };
}
