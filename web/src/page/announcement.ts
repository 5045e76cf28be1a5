/** What a screen reader is told when the state of the page changes. */

import { formatNumber, t } from './i18n';
import type { SearchOnPage } from './search';

export function announcementOf(page: SearchOnPage): string {
	const phase = page.phase.value;
	if (phase === 'empty') {
		return '';
	}
	if (phase === 'hashing') {
		return t('page-hashing');
	}
	if (phase === 'loading' || page.busy.value) {
		return t('page-loading');
	}
	return phase === 'found' ? countOf(page) : headingOf(page);
}

/** How many files were found, and whether that is all. */
export function countOf(page: SearchOnPage): string {
	const total = page.totalCount.value;
	return t(page.truncated.value ? 'page-results-least' : 'page-results-count', formatNumber(total), total);
}

/** What a state without results is called. */
export function headingOf(page: SearchOnPage): string {
	const phase = page.phase.value;
	if (phase === 'unread') {
		return t(`page-unread-${page.reading.value?.kind}`);
	}
	return t(phase === 'trouble' ? `page-trouble-${page.trouble.value?.cause}` : `page-${phase}`);
}
