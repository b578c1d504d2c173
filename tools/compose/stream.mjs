// Composes supergraphs as fast as random tests make them up: reads lines [{"name": …, "sdl": …}, …], and answers each with
// a line {"supergraph": …, "client": …}, the second being the schema that clients see, or {"errors": [code, …]}.
// Usage: node stream.mjs
import { createInterface } from 'node:readline';
import { composeServices, compositionHasErrors, transformSupergraphToPublicSchema } from '@theguild/federation-composition';
import { parse, print } from 'graphql';

function answer(subgraphs) {
  const result = composeServices(subgraphs.map(({ name, sdl }) => ({ name, url: `http://${name}.invalid/graphql`, typeDefs: parse(sdl) })));
  if (compositionHasErrors(result)) return { errors: result.errors.map(({ message, extensions }) => `${extensions?.code}: ${message}`) };
  const { definitions } = transformSupergraphToPublicSchema(parse(result.supergraphSdl));
  const client = definitions.filter(({ kind, name }) => kind !== 'DirectiveDefinition' || name.value === 'note').map(print);
  return { supergraph: result.supergraphSdl.trim(), client: client.join('\n') };
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = answer(JSON.parse(line));
  } catch (error) {
    reply = { errors: [`EXCEPTION: ${error.message}`] };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
