/** What files and other subjects are called on the page. */

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
