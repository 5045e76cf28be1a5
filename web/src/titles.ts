/** Of these, the first that is indexed is what examples are about: one is in the demo, one on Commons. */
export const TITLES = [
	'File:original/moon.png',
	'File:Mona Lisa, by Leonardo da Vinci, from C2RMF retouched.jpg'
];
