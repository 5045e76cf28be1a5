import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

/** Puts beside each file what is sent of it to a browser that takes Brotli or gzip. */
function compressed() {
	const ways = {
		br: ( data ) => promisify( brotliCompress )( data, { params: { [ constants.BROTLI_PARAM_QUALITY ]: 9 } } ),
		gz: ( data ) => promisify( gzip )( data, { level: 9 } )
	};
	return {
		name: 'compressed',
		enforce: 'post',
		generateBundle: {
			order: 'post',
			async handler( _options, bundle ) {
				for ( const file of Object.values( bundle ) ) {
					const data = Buffer.from( file.type === 'chunk' ? file.code : file.source );
					for ( const [ suffix, compress ] of Object.entries( ways ) ) {
						this.emitFile( { type: 'asset', fileName: `${ file.fileName }.${ suffix }`, source: await compress( data ) } );
					}
				}
			}
		}
	};
}

export default defineConfig( {
	plugins: [ vue(), compressed() ],
	esbuild: { jsx: 'automatic' },
	build: {
		target: 'es2022',
		outDir: '../api/static',
		emptyOutDir: true,
		// The page's policy lets no script or style in that is part of a document.
		assetsInlineLimit: 0,
		chunkSizeWarningLimit: 5000,
		rollupOptions: {
			input: [ 'index.html', 'explorer.html' ],
			// React's components say where they run, which is here.
			onwarn: ( warning, warn ) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn( warning )
		}
	},
	worker: { format: 'es' }
} );
