// Build steps besides bundling.
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin, ResolvedConfig, Rolldown } from 'vite';

/** The limit of gzipped JavaScript for a first visit to the list of tickets, in bytes. */
const BUDGET = 200_000;

/**
 * Replaces `graphql(`query Tickets …`)` by the generated document, like the client preset's plugins for Babel and
 * SWC. Without it, every page would include the texts of all operations.
 */
export function documents(): Plugin {
  const call = /\bgraphql\(\s*(?:\/\*.*?\*\/\s*)?`\s*(query|mutation|subscription|fragment)\s+(\w+)[^`]*`,?\s*\)/g;
  return {
    name: 'documents',
    enforce: 'pre',
    transform(code, id) {
      if (!/\/src\/.*\.tsx?$/.test(id) || id.includes('/src/gql/') || !code.includes('graphql(')) return;
      const names = new Set<string>();
      const replaced = code.replace(call, (text, kind: string, name: string) => {
        const document = name + (kind === 'fragment' ? 'FragmentDoc' : 'Document');
        names.add(document);
        return document + '\n'.repeat(text.split('\n').length - 1); // keeps line numbers
      });
      return { code: `import { ${[...names].join(', ')} } from '/src/gql/graphql.ts';${replaced}`, map: null };
    },
  };
}

/** Completes a build: trusted documents, compressed files, and the check of the budget. */
export function finish(): Plugin {
  let config: ResolvedConfig;
  return {
    name: 'finish',
    apply: 'build',
    configResolved: (resolved) => void (config = resolved),
    transformIndexHtml: {
      order: 'post',
      // Without a preload, the two fonts of every page would load after the styles and the first text.
      handler: (_, { bundle = {} }) =>
        Object.keys(bundle)
          .filter((name) => /(fraunces-latin-opsz|instrument-sans-latin-wght)-normal/.test(name))
          .map((name) => ({
            tag: 'link',
            attrs: { rel: 'preload', href: '/' + name, as: 'font', type: 'font/woff2', crossorigin: true },
            injectTo: 'head',
          })),
    },
    generateBundle(_, bundle) {
      const size = firstPage(bundle);
      this.info(`first page: ${(size / 1000).toFixed(1)} kB of JavaScript, gzipped, of ${BUDGET / 1000}`);
      if (size > BUDGET) this.error(`the first page has ${size} bytes of JavaScript, gzipped; the budget is ${BUDGET}`);
    },
    closeBundle() {
      const pages = resolve(config.root, config.build.outDir);
      // For the router's DOCUMENTS, and therefore not among the pages.
      copyFileSync(join(config.root, 'src/gql/persisted-documents.json'), join(pages, '../persisted-documents.json'));
      compress(pages);
    },
  };
}

/** The size of the scripts of the list of tickets. */
function firstPage(bundle: Rolldown.OutputBundle): number {
  const needed = new Map<string, number>();
  const add = (name: string) => {
    const chunk = bundle[name];
    if (chunk?.type !== 'chunk' || needed.has(name)) return;
    needed.set(name, gzipSync(chunk.code, { level: 9 }).length);
    chunk.imports.forEach(add);
  };
  for (const chunk of Object.values(bundle))
    if (chunk.type === 'chunk' && (chunk.isEntry || chunk.facadeModuleId?.endsWith('/src/tickets/TicketsPage.tsx'))) add(chunk.fileName);
  return [...needed.values()].reduce((sum, size) => sum + size, 0);
}

/** Compresses the files, which the router serves as they are. */
function compress(folder: string) {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(js|css|html|svg|txt)$/.test(name)) continue;
    const content = readFileSync(join(folder, name));
    if (content.length < 1400) continue; // fits into one packet anyway
    writeFileSync(join(folder, name + '.br'), brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    writeFileSync(join(folder, name + '.gz'), gzipSync(content, { level: 9 }));
  }
}
