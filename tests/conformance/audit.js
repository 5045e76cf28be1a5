// Whether a server keeps to GraphQL over HTTP: `node audits.js URL` prints a line of JSON for each audit.
import { serverAudits } from 'graphql-http';

for ( const audit of serverAudits( { url: process.argv[ 2 ] } ) ) {
	const { status, reason } = await audit.fn();
	console.log( JSON.stringify( { id: audit.id, name: audit.name, status, reason } ) );
}
