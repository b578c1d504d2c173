// Writes ../assets/playground.js and .css: one script and one stylesheet with everything inside,
// so that the page needs no other host. Run by `npm run build`; the output is committed.
import { build } from 'esbuild';

await build({
  entryPoints: ['playground.jsx'],
  outdir: '../assets',
  bundle: true,
  minify: true,
  jsx: 'automatic',
  target: 'es2022',
  define: { 'process.env.NODE_ENV': '"production"', 'globalThis.process': '1' },
  loader: { '.graphql': 'text', '.json': 'json', '.woff2': 'dataurl', '.woff': 'empty', '.ttf': 'empty' },
  legalComments: 'eof',
  logLevel: 'info',
});
