// Composes the supergraphs that the router's tests run on: in each folder below the given ones that
// has *.graphqls files, which are the subgraphs, supergraph.graphql beside them.
// Usage: node fixtures.mjs FOLDER...
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { composeServices, compositionHasErrors } from '@theguild/federation-composition';
import { parse, Source } from 'graphql';

const subgraphs = process.argv
  .slice(2)
  .flatMap((root) => readdirSync(root, { recursive: true }).map((file) => join(root, file)))
  .filter((file) => file.endsWith('.graphqls'));

for (const folder of new Set(subgraphs.map((file) => dirname(file)))) {
  if (existsSync(join(folder, 'supergraph.edited.graphql'))) continue; // valid, but this composer refuses it
  const files = readdirSync(folder).filter((file) => file.endsWith('.graphqls')).sort();
  const result = composeServices(
    files.map((file) => {
      const name = basename(file, '.graphqls');
      const path = join(folder, file);
      return { name, url: `http://${name}.invalid/graphql`, typeDefs: parse(new Source(readFileSync(path, 'utf8'), path)) };
    }),
  );
  if (compositionHasErrors(result)) {
    for (const error of result.errors) console.error(`${folder}: ${error.extensions?.code}: ${error.message}`);
    process.exitCode = 1;
    continue;
  }
  writeFileSync(join(folder, 'supergraph.graphql'), `${result.supergraphSdl.trim()}\n`);
}
