// Compares what clients see (api.graphql) with what was last released to them (released.graphql),
// and fails unless CHANGELOG.md records each difference under "Unreleased". See schema/README.md.
// Usage: node diff.mjs [folder]   (default: the repository's schema/)
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

const folder = process.argv[2] ?? join(import.meta.dirname, '../../schema');
const read = (name) => readFileSync(join(folder, name), 'utf8');

const found = await diff(buildSchema(read('released.graphql')), buildSchema(read('api.graphql')));
const changes = found
  .filter(({ type }) => !type.includes('DESCRIPTION')) // wording is free
  .map(({ criticality, path, message }) => ({
    level: criticality.level,
    coordinate: path?.replace(/\.?@.*/, '') ?? 'schema', // a directive counts for what it stands on
    message,
  }));

for (const [title, level] of [
  ['Breaking', CriticalityLevel.Breaking],
  ['Dangerous', CriticalityLevel.Dangerous],
  ['Safe', CriticalityLevel.NonBreaking],
]) {
  const list = changes.filter((change) => change.level === level);
  console.log(`${title}: ${list.length || 'none'}`);
  for (const { coordinate, message } of list) console.log(`  ${coordinate}: ${message}`);
}

const [, unreleased] = read('CHANGELOG.md').match(/^## Unreleased\n([^]*?)(?=^## |(?![^]))/m) ?? [];
if (unreleased === undefined) fail(['CHANGELOG.md has no section "## Unreleased"']);
const entries = unreleased.split(/^- /m).slice(1).map((text) => ({
  text: text.trim(),
  breaking: text.startsWith('BREAKING:'),
  coordinates: [...text.matchAll(/`([\w.]+)`/g)].map(([, coordinate]) => coordinate),
}));

// A breaking change must be named itself; any other may be part of what is named.
const covers = (coordinate, change) => change.coordinate === coordinate || change.coordinate.startsWith(`${coordinate}.`);
const records = (entry, change) =>
  change.level === CriticalityLevel.Breaking
    ? entry.breaking && entry.coordinates.includes(change.coordinate)
    : entry.coordinates.some((coordinate) => covers(coordinate, change));

fail([
  ...changes
    .filter((change) => !entries.some((entry) => records(entry, change)))
    .map(({ level, coordinate, message }) =>
      level === CriticalityLevel.Breaking
        ? `breaks clients and is not recorded: ${message}\n    intended? add "- BREAKING: \`${coordinate}\` …, because …"`
        : `not recorded: ${message}\n    add "- \`${coordinate}\` …"`,
    ),
  ...entries
    .filter((entry) => !changes.some((change) => records(entry, change)))
    .map(({ text }) => `recorded, but there is no such change: ${text}`),
]);

function fail(problems) {
  if (problems.length === 0) return;
  console.error(`\nschema/CHANGELOG.md, section Unreleased:`);
  for (const problem of problems) console.error(`  ${problem}`);
  process.exit(1);
}
