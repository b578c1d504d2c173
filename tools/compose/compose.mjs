// Composes schema/*.graphqls into the two files everything else reads:
//   supergraph.graphql  for the router: which subgraph resolves what
//   api.graphql         for people and clients: the schema as clients see it
// Usage: node compose.mjs [folder]   (default: the repository's schema/)
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printSchema } from 'graphql';
import { compose, generated, publicSchema, schemaFolder } from './schema.mjs';

const folder = process.argv[2] ?? schemaFolder;
const supergraph = compose(folder);
writeFileSync(join(folder, 'supergraph.graphql'), `${generated}${supergraph}\n`);
writeFileSync(join(folder, 'api.graphql'), `${generated}${printSchema(publicSchema(supergraph))}\n`);
