// The rules recommended for schemas, less two that do not fit names which others rely on.
import graphql from '@graphql-eslint/eslint-plugin';

export default [ {
	files: [ '**/*.graphql' ],
	plugins: { '@graphql-eslint': graphql },
	languageOptions: {
		parser: graphql.parser,
		parserOptions: { graphQLConfig: { schema: 'docs/schema.graphql' } }
	},
	rules: {
		...graphql.configs[ 'flat/schema-recommended' ].rules,
		'@graphql-eslint/no-typename-prefix': 'off',
		'@graphql-eslint/strict-id-in-types': 'off'
	}
} ];
