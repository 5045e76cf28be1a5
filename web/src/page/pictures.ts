/** A picture that somebody gives: whether it is one, and its bytes' SHA-1. */

import { formatNumber, t } from './i18n';

export const ACCEPTED = 'image/jpeg,image/png,image/webp,image/tiff,image/gif';
export const MOST_BYTES = 20_000_000;

/** The first picture among what was dropped, pasted or chosen. */
export function firstPicture(files: FileList | null | undefined): File | null {
	return [...(files ?? [])].find((file) => ACCEPTED.split(',').includes(file.type)) ?? null;
}

/** In hexadecimal; null where the browser computes none, as it does on insecure addresses. */
export async function sha1Of(picture: Blob): Promise<string | null> {
	if (!crypto.subtle) {
		return null;
	}
	const digest = await crypto.subtle.digest('SHA-1', await picture.arrayBuffer());
	return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Width and height in pixels; null for a format that the browser does not show. */
export async function sizeOf(picture: Blob): Promise<{ width: number; height: number } | null> {
	try {
		const { width, height } = await createImageBitmap(picture);
		return { width, height };
	} catch {
		return null;
	}
}

/** Why a picture is not sent, for the reader; null for one that can be. */
export function refusalOf(picture: File | null): string | null {
	if (!picture) {
		return t('page-picture-none');
	}
	const megabytes = formatNumber(Math.ceil(picture.size / 100_000) / 10);
	return picture.size > MOST_BYTES ? t('page-picture-large', megabytes) : null;
}
