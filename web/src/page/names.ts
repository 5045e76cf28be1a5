/** What files and other subjects are called on the page, and where their pages are. */

import { t } from './i18n';
import type { FileFacts } from './queries';
import type { Subject } from './subjects';

export function fileName(file: FileFacts): string {
	return file.title?.replace(/^File:/, '') ?? t('page-untitled', file.pageId);
}

export function nameOf(subject: Subject): string {
	if (subject.facts) {
		return fileName(subject.facts);
	}
	return subject.name?.replace(/^File:/, '') ?? t(subject.given ? 'page-asked-picture' : 'page-asked-hashes');
}

/** The page of a file on Commons, or the file itself where it lies in a folder of the service. */
export function pageUrl(file: FileFacts): string | null {
	if (file.pageId < 0) {
		return file.url;
	}
	return file.title
		? `https://commons.wikimedia.org/wiki/${encodeURIComponent(file.title.replaceAll(' ', '_')).replaceAll('%3A', ':')}`
		: `https://commons.wikimedia.org/?curid=${file.pageId}`;
}
