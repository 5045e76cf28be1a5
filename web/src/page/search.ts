/** The search that is on the page: what is asked, how far its answer has come, and the address that holds it. */

import { computed, reactive, shallowRef } from 'vue';
import { format, parse, type Tolerance } from './address';
import { hashesOf, Trouble, type Note } from './api';
import { sha1Of, sizeOf } from './pictures';
import type { Match, Operation } from './queries';
import { read, recognise, spellHashes, type Kind, type Question } from './recognition';
import { answered, filesLinking, find, listing, named, ofGiven, picturesOf, type Choice, type Given } from './subjects';
import type { Subject } from './subjects';

export type Phase =
	| 'empty'
	| 'unread'
	| 'hashing'
	| 'loading'
	| 'no-file'
	| 'no-record'
	| 'no-pictures'
	| 'no-hashes'
	| 'no-links'
	| 'not-indexed'
	| 'failed'
	| 'no-match'
	| 'found'
	| 'trouble';

const PATIENCE = 250;
/** Milliseconds that a slider has to rest before the service is asked. */

export type SearchOnPage = ReturnType<typeof useSearch>;

export function useSearch(uselang: () => string | null) {
	const search = reactive(parse(location.search));
	const phase = shallowRef<Phase>(search.text ? 'loading' : 'empty');
	/** Whether something is being asked, or will be once a slider rests. */
	const busy = shallowRef(false);
	const choice = shallowRef<Choice | null>(null);
	const subject = shallowRef<Subject | null>(null);
	const given = shallowRef<Given | null>(null);
	const operation = shallowRef<Operation | null>(null);
	const matches = shallowRef<Match[]>([]);
	const totalCount = shallowRef(0);
	const truncated = shallowRef(false);
	const cursor = shallowRef<string | null>(null);
	const asOf = shallowRef<string | null>(null);
	const notes = shallowRef<Note[]>([]);
	const trouble = shallowRef<Trouble | null>(null);
	const reading = computed(() => readingOf(search.text, search.kind));

	let running = new AbortController();
	let resting: ReturnType<typeof setTimeout> | undefined;
	let again: () => Promise<void> = run;
	/** What there was before trouble came: there again once what only adds to it has been tried again. */
	let before: Phase = 'empty';

	/** Do one thing at a time: whatever is still under way is given up. */
	async function attempt(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
		again = () => attempt(work);
		clearTimeout(resting);
		running.abort();
		running = new AbortController();
		const { signal } = running;
		busy.value = true;
		try {
			await work(signal);
			if (phase.value === 'trouble') {
				phase.value = before;
			}
		} catch (error) {
			if (signal.aborted) {
				return;
			}
			if (phase.value !== 'trouble') {
				before = phase.value;
			}
			trouble.value = error instanceof Trouble ? error : new Trouble('broken', String(error));
			phase.value = 'trouble';
		}
		if (!signal.aborted) {
			busy.value = false;
		}
	}

	/** Answer what the search says, from the beginning. */
	async function run(): Promise<void> {
		await attempt(async (signal) => {
			clear();
			const question = reading.value?.question;
			if (!question) {
				phase.value = reading.value ? 'unread' : 'empty';
				return;
			}
			phase.value = 'loading';
			await begin(question, signal);
		});
	}

	async function begin(question: Question, signal: AbortSignal): Promise<void> {
		const alone = named(question, search.sha1);
		if (alone) {
			await list(isGiven(question) ? ofGiven(given.value!) : alone, signal);
			return;
		}
		const found = await choices(question, null, signal);
		if (!found?.subjects.length) {
			phase.value = question.kind === 'link' ? 'no-links' : found ? 'no-pictures' : 'no-record';
			return;
		}
		choice.value = found;
		await list(found.subjects[Math.min(search.pick, found.subjects.length - 1)]!, signal);
	}

	/** Show what is near a subject. */
	async function list(looked: Subject, signal: AbortSignal): Promise<void> {
		subject.value = looked;
		operation.value = listing(looked, { ...search.tolerance }, null);
		if (!operation.value) {
			phase.value = 'no-hashes';
			return;
		}
		const answer = await find(operation.value, signal);
		const { exists, facts, listing: listed } = answer.data;
		subject.value = answered(looked, answer.data);
		asOf.value = answer.asOf;
		notes.value = answer.notes;
		matches.value = listed?.nodes ?? [];
		totalCount.value = listed?.totalCount ?? 0;
		truncated.value = listed?.truncated ?? false;
		cursor.value = listed?.pageInfo.hasNextPage ? listed.pageInfo.endCursor : null;
		if (!exists) {
			phase.value = 'no-file';
		} else if (!listed) {
			phase.value = facts?.status === 'FAILED' ? 'failed' : 'not-indexed';
		} else {
			phase.value = listed.nodes.length ? 'found' : 'no-match';
		}
	}

	/** List the matches that come next. */
	async function more(): Promise<void> {
		await attempt(async (signal) => {
			const next = subject.value && listing(subject.value, { ...search.tolerance }, cursor.value);
			const listed = next && (await find(next, signal)).data.listing;
			if (listed) {
				matches.value = [...matches.value, ...listed.nodes];
				cursor.value = listed.pageInfo.hasNextPage ? listed.pageInfo.endCursor : null;
			}
		});
	}

	async function moreChoices(): Promise<void> {
		await attempt(async (signal) => {
			const question = reading.value?.question;
			const next = question && (await choices(question, choice.value?.cursor ?? null, signal));
			if (next && choice.value) {
				choice.value = { ...next, subjects: [...choice.value.subjects, ...next.subjects] };
			}
		});
	}

	/** Search for a text, taken as it looks unless a kind is given. */
	async function submit(text: string, kind: Kind | null = null): Promise<void> {
		Object.assign(search, { text, kind, pick: 0, sha1: text === search.text ? search.sha1 : null });
		remember();
		await run();
	}

	/** Search for a picture by its hashes. */
	async function give(picture: File): Promise<void> {
		await attempt(async (signal) => {
			clear();
			phase.value = 'hashing';
			const [hashes, sha1, size] = await Promise.all([hashesOf(picture, signal), sha1Of(picture), sizeOf(picture)]);
			signal.throwIfAborted();
			if (given.value) {
				URL.revokeObjectURL(given.value.url);
			}
			const url = URL.createObjectURL(picture);
			given.value = { name: picture.name, url, hashes, sha1, width: size?.width ?? null, height: size?.height ?? null };
			const text = spellHashes(hashes.phash, hashes.dhash);
			Object.assign(search, { text, kind: null, pick: 0, sha1 });
			remember();
			phase.value = 'loading';
			await list(ofGiven(given.value), signal);
		});
	}

	/** Have more or fewer bits differ; the answer follows once the slider rests. */
	function tolerate(tolerance: Tolerance): void {
		search.tolerance = tolerance;
		remember(true);
		if (phase.value === 'hashing') {
			return; // A picture on its way will be looked for with this tolerance.
		}
		clearTimeout(resting);
		// What is under way, or would be asked for meanwhile, belongs to the tolerance that was.
		running.abort();
		busy.value = true;
		resting = setTimeout(() => {
			const looked = subject.value;
			void (looked && phase.value !== 'trouble' ? attempt((signal) => list(looked, signal)) : run());
		}, PATIENCE);
	}

	async function pick(number: number): Promise<void> {
		search.pick = number;
		remember();
		await attempt(async (signal) => {
			await list(choice.value!.subjects[number]!, signal);
		});
	}

	/** Take the search from the address, as when somebody goes back. */
	async function restore(): Promise<void> {
		Object.assign(search, parse(location.search));
		await run();
	}

	function remember(replace = false): void {
		const address = location.pathname + format(search, uselang());
		if (replace || address === location.pathname + location.search) {
			history.replaceState(null, '', address);
		} else {
			history.pushState(null, '', address);
		}
	}

	function clear(): void {
		choice.value = subject.value = operation.value = trouble.value = asOf.value = cursor.value = null;
		matches.value = [];
		notes.value = [];
	}

	function isGiven(question: Question | null | undefined): boolean {
		const kept = given.value?.hashes;
		return Boolean(
			kept && question?.kind === 'hashes' && question.phash === kept.phash && question.dhash === kept.dhash
		);
	}

	return {
		search,
		reading,
		phase,
		busy,
		choice,
		subject,
		operation,
		matches,
		totalCount,
		truncated,
		cursor,
		asOf,
		notes,
		trouble,
		submit,
		give,
		tolerate,
		pick,
		more,
		moreChoices,
		restore,
		remember,
		retry: () => again()
	};
}

export function readingOf(text: string, kind: Kind | null) {
	return kind ? read(text, kind) : recognise(text);
}

async function choices(question: Question, after: string | null, signal: AbortSignal): Promise<Choice | null> {
	if (question.kind === 'finna') {
		return picturesOf(question.id, signal);
	}
	return question.kind === 'link' ? filesLinking(question.domain, question.path, after, signal) : null;
}
