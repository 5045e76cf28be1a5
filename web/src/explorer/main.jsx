import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './explorer.css';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { TITLES } from '../titles';
import { examples } from './examples.js';
import { examplesPlugin } from './Examples.jsx';

const fetcher = createGraphiQLFetcher( { url: location.pathname, enableIncrementalDelivery: false } );

/** What the examples are to be about; undefined where none of the files they know is indexed. */
async function subject() {
	const query = 'query ($titles: [String!]) { files(titles: $titles) { pageId title hashes { phash dhash } } }';
	try {
		const { data } = await fetcher( { query, variables: { titles: TITLES } } );
		return data.files.find( ( file ) => file?.title && file.hashes );
	} catch {
		return undefined;
	}
}

/**
 * What is to be seen first: what a link asks for (?query= and ?variables=, as in a query by GET), else whatever
 * was there at the last visit, else the first example.
 */
function first( example ) {
	const { query, variables } = Object.fromEntries( new URLSearchParams( location.search ) );
	if ( query ) {
		return { initialQuery: query, initialVariables: readable( variables ) };
	}
	const visited = localStorage.getItem( 'graphiql:tabState' );
	return visited ? {} : { initialQuery: example.query, initialVariables: example.variables };
}

function readable( json = '' ) {
	try {
		return JSON.stringify( JSON.parse( json ), null, 2 );
	} catch {
		return json;
	}
}

const shown = examples( await subject() );
const plugin = examplesPlugin( shown );

createRoot( document.getElementById( 'explorer' ) ).render(
	<GraphiQL
		fetcher={ fetcher }
		plugins={ [ plugin, HISTORY_PLUGIN ] }
		visiblePlugin={ plugin }
		defaultEditorToolsVisibility="variables"
		isHeadersEditorEnabled={ false }
		{ ...first( shown[ 0 ] ) }
	>
		<GraphiQL.Logo>
			<a href="/" className="home">Is this picture on Commons?</a>
		</GraphiQL.Logo>
	</GraphiQL>
);
