/** The GraphQL texts that the page sends, with the variables each takes; what "show as GraphQL" shows. */

import { TITLES } from '../titles';
import type { Tolerance } from './address';

export interface Operation {
	query: string;
	variables: Record<string, unknown>;
}

export interface Hashes {
	phash: string;
	dhash: string;
	lowInformation: boolean;
}

export interface FileFacts {
	pageId: number;
	title: string | null;
	url: string | null;
	pageUrl: string | null;
	thumbnailUrl: string | null;
	largeUrl: string | null;
	width: number | null;
	height: number | null;
	sha1: string | null;
	status: 'INDEXED' | 'NOT_INDEXED' | 'FAILED';
	deleted: boolean;
	hashes: Hashes | null;
}

export interface Match {
	phashDistance: number;
	dhashDistance: number;
	file: FileFacts;
}

export interface PageInfo {
	hasNextPage: boolean;
	endCursor: string | null;
}

export interface Listing<Node> {
	totalCount: number;
	truncated: boolean;
	pageInfo: PageInfo;
	nodes: Node[];
}

/** The files near a picture, of which `lowInformation` tells whether it is too plain for its hashes to say much. */
export interface Near extends Listing<Match> {
	lowInformation: boolean;
}

export interface ExternalPicture {
	url: string;
	thumbnailUrl: string;
	hashes: Hashes | null;
}

export interface IndexFacts {
	fileCount: number;
	commonsFileCount: number | null;
}

export interface Example {
	pageId: number;
	title: string | null;
	deleted: boolean;
	hashes: Pick<Hashes, 'phash' | 'dhash'> | null;
}

const FACTS = `fragment Facts on File {
  pageId title url pageUrl width height sha1 status deleted
  thumbnailUrl(width: 250)
  largeUrl: thumbnailUrl(width: 960)
  hashes { phash dhash lowInformation }
}`;

const NEAR = `fragment Near on MatchConnection {
  totalCount
  truncated
  lowInformation
  pageInfo { hasNextPage endCursor }
  nodes { phashDistance dhashDistance file { ...Facts } }
}`;

const NEAR_HASHES = `query NearHashes($phash: Hash!, $dhash: Hash!, $tolerance: Tolerance, $after: String) {
  search(phash: $phash, dhash: $dhash, tolerance: $tolerance, after: $after) { ...Near }
}

${NEAR}

${FACTS}`;

const NEAR_FILE = `query NearFile($pageId: Int, $title: String, $tolerance: Tolerance, $after: String) {
  file(pageId: $pageId, title: $title) {
    ...Facts
    matches(tolerance: $tolerance, after: $after) { ...Near }
  }
}

${NEAR}

${FACTS}`;

const FINNA = `query Finna($id: String!) {
  finna(id: $id) {
    id
    title
    pictures { url thumbnailUrl hashes { phash dhash lowInformation } }
  }
}`;

const LINKED = `query Linked($domain: String!, $path: String!, $after: String) {
  externalLinks(domain: $domain, path: $path, after: $after) {
    totalCount
    truncated
    pageInfo { hasNextPage endCursor }
    nodes { ...Facts }
  }
}

${FACTS}`;

const INDEX = `query Index {
  index { fileCount commonsFileCount }
}`;

const EXAMPLES = `query Examples($titles: [String!], $pageIds: [Int!]) {
  files(titles: $titles, pageIds: $pageIds) { pageId title deleted hashes { phash dhash } }
}`;

export function indexFacts(): Operation {
	return { query: INDEX, variables: {} };
}

/** Files that may be an example: the first of a folder, else those of `TITLES`. */
export function exampleFiles(): Operation {
	return { query: EXAMPLES, variables: { titles: TITLES, pageIds: [-1] } };
}

export function nearHashes(
	hashes: Pick<Hashes, 'phash' | 'dhash'>,
	tolerance: Tolerance,
	after: string | null
): Operation {
	const { phash, dhash } = hashes;
	return { query: NEAR_HASHES, variables: { phash, dhash, tolerance, ...from(after) } };
}

export function nearFile(
	file: { pageId: number } | { title: string },
	tolerance: Tolerance,
	after: string | null
): Operation {
	return { query: NEAR_FILE, variables: { ...file, tolerance, ...from(after) } };
}

export function finnaRecord(id: string): Operation {
	return { query: FINNA, variables: { id } };
}

export function linkedFiles(domain: string, path: string, after: string | null): Operation {
	return { query: LINKED, variables: { domain, path, ...from(after) } };
}

/** The address of the explorer with an operation filled in. */
export function explorerUrl({ query, variables }: Operation): string {
	return `/graphql?${new URLSearchParams({ query, variables: JSON.stringify(variables, null, 2) })}`;
}

function from(after: string | null): { after?: string } {
	return after === null ? {} : { after };
}
