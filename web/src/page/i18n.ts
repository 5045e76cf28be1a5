/** Messages in the reader's language, in banana's form, and numbers and times as they are written in it. */

import Banana, { type Messages } from 'banana-i18n';
import { computed, ref, watchEffect } from 'vue';
import english from '../../i18n/en.json';

/** Languages by what they call themselves. */
export const LANGUAGES = { en: 'English', fi: 'Suomi' } as const;
export type Language = keyof typeof LANGUAGES;

const banana = new Banana('en', { messages: messagesOf(english) });

/** The language now; messages follow it. */
export const language = ref<Language>('en');

const number = computed(() => new Intl.NumberFormat(language.value));
const time = computed(
	() => new Intl.DateTimeFormat(language.value, { dateStyle: 'medium', timeStyle: 'short' })
);

watchEffect(() => {
	document.documentElement.lang = language.value;
});

/** The first of the codes for which there are messages, else English. */
export function choose(codes: readonly (string | null)[]): Language {
	const known = codes.map((code) => code?.split('-')[0]).find((code) => code && code in LANGUAGES);
	return (known ?? 'en') as Language;
}

/** Switch to a language, once its messages are there. */
export async function speak(code: Language): Promise<void> {
	if (code === 'fi') {
		banana.load(messagesOf((await import('../../i18n/fi.json')).default), 'fi');
	}
	banana.setLocale(code);
	language.value = code;
}

export function t(key: string, ...values: (string | number)[]): string {
	// Read, so that whatever shows a message is shown anew in another language.
	void language.value;
	return banana.i18n(key, ...values.map(String));
}

export function formatNumber(value: number): string {
	return number.value.format(value);
}

export function formatTime(told: string): string {
	return time.value.format(new Date(told));
}

function messagesOf(file: Record<string, unknown>): Messages {
	const { '@metadata': _, ...messages } = file;
	return messages as Messages;
}
