import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';

/** The plugin of GraphiQL that lists examples, each of which opens in a tab of its own. */
export function examplesPlugin( examples ) {
	return { title: 'Examples', icon: Icon, content: () => <Examples examples={ examples } /> };
}

function Examples( { examples } ) {
	const { addTab, changeTab } = useGraphiQLActions();
	const { tabs, queryEditor, variableEditor } = useGraphiQL(
		( { tabs, queryEditor, variableEditor } ) => ( { tabs, queryEditor, variableEditor } )
	);

	function open( { query, variables } ) {
		const opened = tabs.findIndex( ( tab ) => tab.query === query );
		if ( opened >= 0 ) {
			changeTab( opened );
			return;
		}
		addTab();
		queryEditor.setValue( query );
		variableEditor.setValue( variables );
	}

	return (
		<section aria-label="Examples" className="examples">
			<div className="graphiql-history-header">Examples</div>
			<ul>
				{ examples.map( ( example ) => (
					<li key={ example.label }>
						<button type="button" className="graphiql-un-styled" onClick={ () => open( example ) }>
							{ example.label }
						</button>
					</li>
				) ) }
			</ul>
		</section>
	);
}

function Icon() {
	return (
		<svg viewBox="0 0 14 14" fill="none" stroke="currentColor" strokeWidth="1" aria-hidden="true">
			<path d="M5 1.5a3.5 3.5 0 0 1 4 5.9c-.6.5-.8 1-.8 1.6H5.800c0-.600-.2-1.100-.8-1.600A3.500 3.500 0 0 1 5 1.5Z" />
			<path d="M5.500 11h3M6 13h2" />
		</svg>
	);
}
