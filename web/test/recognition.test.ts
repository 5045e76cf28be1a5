import { describe, expect, test } from 'vitest';
import { read, recognise, spellHashes } from '../src/page/recognition';

const cat = { kind: 'title', title: 'File:Cat on a mat.jpg' };
const page = { kind: 'pageId', pageId: 123456 };
const hashes = { kind: 'hashes', phash: 'bf48c0b71c4b6d92', dhash: '00a1f0e0c0c08183' };
const finna = { kind: 'finna', id: 'museovirasto.CC8FB6FA1BBC1FAC' };

describe.each([
	[
		cat,
		[
			'File:Cat on a mat.jpg',
			'  file:Cat_on_a_mat.jpg ',
			'Image: Cat on a mat.jpg',
			'Tiedosto:Cat on a mat.jpg',
			'Cat on a mat.jpg',
			'"Cat on a mat.jpg"',
			'<https://commons.wikimedia.org/wiki/File:Cat_on_a_mat.jpg>',
			'[[File:Cat on a mat.jpg|thumb|A cat]]',
			'[[:File:Cat on a mat.jpg]]',
			'https://commons.wikimedia.org/wiki/File:Cat_on_a_mat.jpg',
			'https://commons.m.wikimedia.org/wiki/File:Cat%20on%20a%20mat.jpg?uselang=fi#mw-jump-to-license',
			'commons.wikimedia.org/wiki/File:Cat_on_a_mat.jpg',
			'//commons.wikimedia.org/wiki/File:Cat_on_a_mat.jpg',
			'https://commons.wikimedia.org/w/index.php?title=File:Cat_on_a_mat.jpg&action=history',
			'https://commons.wikimedia.org/wiki/Special:FilePath/Cat_on_a_mat.jpg?width=300',
			'https://commons.wikimedia.org/wiki/Special:Redirect/file/Cat_on_a_mat.jpg',
			'https://fi.wikipedia.org/wiki/Tiedosto:Cat_on_a_mat.jpg',
			'https://fi.wikipedia.org/wiki/Kissa#/media/Tiedosto:Cat_on_a_mat.jpg',
			'https://ja.wikipedia.org/wiki/%E3%83%95%E3%82%A1%E3%82%A4%E3%83%AB:Cat_on_a_mat.jpg',
			'https://upload.wikimedia.org/wikipedia/commons/a/ab/Cat_on_a_mat.jpg',
			'https://upload.wikimedia.org/wikipedia/commons/thumb/a/ab/Cat_on_a_mat.jpg/330px-Cat_on_a_mat.jpg',
			'https://thumb.wikimedia.org/wikipedia/commons/thumb/a/ab/Cat_on_a_mat.jpg/330px-Cat_on_a_mat.jpg',
			'https://upload.wikimedia.org/wikipedia/commons/archive/a/ab/20200101000000!Cat_on_a_mat.jpg'
		]
	],
	[{ kind: 'title', title: 'File:original/moon.png' }, ['original/moon.png', 'File:original/moon.png']],
	[{ kind: 'title', title: 'File:<b>Cat</b>' }, ['<b>Cat</b>']],
	[{ kind: 'title', title: 'File:"Cat" and "mat".jpg' }, ['"Cat" and "mat".jpg']],
	[{ kind: 'title', title: 'File:100 % cotton.jpg' }, ['https://commons.wikimedia.org/wiki/File:100_%_cotton.jpg']],
	[
		page,
		[
			'123456',
			'M123456',
			'#123456',
			'https://commons.wikimedia.org/?curid=123456',
			'https://commons.wikimedia.org/entity/M123456',
			'https://commons.wikimedia.org/wiki/Special:Redirect/page/123456',
			'https://imagehash.toolforge.org/pagesearch?page_id=123456'
		]
	],
	[{ kind: 'pageId', pageId: -7 }, ['-7']],
	[
		hashes,
		[
			'bf48c0b71c4b6d92 00a1f0e0c0c08183',
			'BF48C0B71C4B6D92,00A1F0E0C0C08183',
			'0xbf48c0b71c4b6d92 0xa1f0e0c0c08183',
			'"bf48c0b71c4b6d92", "00a1f0e0c0c08183"',
			'13783478552253656466 45582319347597699',
			'-4663265521455895150 45582319347597699',
			'phash: bf48c0b71c4b6d92, dhash: 00a1f0e0c0c08183',
			'dhash=00a1f0e0c0c08183&phash=bf48c0b71c4b6d92',
			'{"phash": "bf48c0b71c4b6d92", "dhash": "00a1f0e0c0c08183"}',
			'P9310 bf48c0b71c4b6d92 P12563 00a1f0e0c0c08183',
			'https://imagehash.toolforge.org/search?dhash=45582319347597699&phash=13783478552253656466'
		]
	],
	[{ kind: 'hashes', phash: '8000000000000000', dhash: '0000000000000000' }, ['9223372036854775808 0']],
	[{ kind: 'hashes', phash: '1111111111111111', dhash: '2222222222222222' }, ['1111111111111111 2222222222222222']],
	[
		finna,
		[
			'museovirasto.CC8FB6FA1BBC1FAC',
			'https://finna.fi/Record/museovirasto.CC8FB6FA1BBC1FAC',
			'https://museot.finna.fi/Record/museovirasto.CC8FB6FA1BBC1FAC/Details?lng=fi#image',
			'finna.fi/Record/museovirasto.CC8FB6FA1BBC1FAC',
			'https://api.finna.fi/v1/record?id=museovirasto.CC8FB6FA1BBC1FAC',
			'https://finna.fi/Cover/Show?source=Solr&id=museovirasto.CC8FB6FA1BBC1FAC&index=0',
			'https://imagehash.toolforge.org/finnasearch?finna_id=museovirasto.CC8FB6FA1BBC1FAC'
		]
	],
	[{ kind: 'finna', id: 'hkm.HKMS000005:km0000mkqq' }, [
		'hkm.HKMS000005:km0000mkqq',
		'https://finna.fi/Record/hkm.HKMS000005%3Akm0000mkqq'
	]],
	[{ kind: 'link', domain: 'www.flickr.com', path: '/photos/nasa/123' }, [
		'https://www.flickr.com/photos/nasa/123',
		'www.flickr.com/photos/nasa/123',
		'www.flickr.com /photos/nasa/123'
	]],
	[{ kind: 'link', domain: 'finna.fi', path: '/a.' }, ['finna.fi/a.', 'https://finna.fi/a.']],
	[{ kind: 'link', domain: 'fi.finna', path: '/Record/x' }, ['fi.finna/Record/x']],
	[{ kind: 'link', domain: 'example.org', path: '/view?id=5' }, ['http://example.org/view?id=5']],
	[{ kind: 'link', domain: 'example.org', path: '/a.jpg' }, ['example.org/a.jpg']]
])('%j is recognised', (question, texts) => {
	test.each(texts)('%s', (text) => {
		expect(recognise(text)?.question).toEqual(question);
	});
});

test('nothing is nothing', () => {
	expect(recognise('  ')).toBeNull();
	expect(read('', 'title')).toBeNull();
});

test.each(['bf48c0b71c4b6d92', '0xbf48c0b71c4b6d92', '13783478552253656466'])(
	'one hash alone, %s, is known for what it is',
	(text) => {
		expect(recognise(text)).toEqual({ kind: 'hashes', question: null });
	}
);

test.each(['www.flickr.com', 'https://commons.wikimedia.org/'])('%s is a link without a path', (text) => {
	expect(recognise(text)).toEqual({ kind: 'link', question: null });
});

test.each(['0', '-0', '#0', 'M99999999999'])('%s is a page id that no page has', (text) => {
	expect(recognise(text)).toEqual({ kind: 'pageId', question: null });
});

test.each([
	['123456', 'title', { kind: 'title', title: 'File:123456' }],
	['museovirasto.4878', 'finna', { kind: 'finna', id: 'museovirasto.4878' }],
	['https://finna.fi/Record/a.1', 'link', { kind: 'link', domain: 'finna.fi', path: '/Record/a.1' }],
	['cat', 'pageId', null],
	['99999999999', 'pageId', null],
	['cat.jpg', 'hashes', null],
	['18446744073709551616 0', 'hashes', null],
	['cat', 'finna', null],
	['cat', 'link', null],
	['finna.fi', 'link', null],
	['finna.fi/a', 'link', null],
	['https://example.org/', 'title', null]
] as const)('%s can be taken for a %s', (text, kind, question) => {
	expect(read(text, kind)).toEqual({ kind, question });
});

test('hashes are spelt as they are recognised', () => {
	expect(recognise(spellHashes(hashes.phash, hashes.dhash))?.question).toEqual(hashes);
});
