/** What two distances mean, in words. */

import type { Hashes, Match } from './queries';

export type Verdict = 'same-file' | 'equal' | 'same' | 'similar' | 'distant' | 'plain';

/** Smaller, recompressed and grey versions of photos are within this, of 64 bits. */
const SAME = 4;
const SIMILAR = 10;

/** What a match is to a picture with this SHA-1, if it is known, and these hashes. */
export function verdictOf(match: Match, sha1: string | null, asked: Hashes | null): Verdict {
	const { file, phashDistance, dhashDistance } = match;
	const furthest = Math.max(phashDistance, dhashDistance);
	if (sha1 && file.sha1 === sha1) {
		return 'same-file';
	}
	if (file.hashes?.lowInformation || asked?.lowInformation) {
		return 'plain';
	}
	if (furthest === 0) {
		return 'equal';
	}
	return furthest <= SAME ? 'same' : furthest <= SIMILAR ? 'similar' : 'distant';
}
