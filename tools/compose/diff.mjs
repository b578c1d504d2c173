// Compares the schema with the one that was last released (released.graphql, a supergraph), as clients see both, and fails
// unless CHANGELOG.md records every difference. See schema/README.md.
// Usage: node diff.mjs [folder]   (default: the repository's schema/)
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { astFromValue, isEnumType, isInputObjectType, isSpecifiedScalarType, isUnionType, print, printSchema } from 'graphql';
import { access, compose, generated, publicSchema, schemaFolder } from './schema.mjs';

const folder = process.argv[2] ?? schemaFolder;
const read = (name) => readFileSync(join(folder, name), 'utf8');
const view = (supergraph) => {
  const schema = publicSchema(supergraph);
  return { schema, facts: facts(schema, access(supergraph)) };
};
const before = view(read('released.graphql'));
const after = view(compose(folder));
const problems = [];
if (read('api.graphql') !== `${generated}${printSchema(after.schema)}\n`) problems.push('api.graphql is stale: run `make schema`');

// facts returns what clients rely on, by coordinate: { signature, description, access, deprecated }.
function facts(schema, rules) {
  const found = new Map();
  const add = (coordinate, signature, { description, deprecationReason }) => {
    const rule = rules.get(coordinate);
    const marks = [rule, deprecationReason != null && `@deprecated(reason: ${JSON.stringify(deprecationReason)})`].filter(Boolean);
    found.set(coordinate, {
      signature: [coordinate + signature, ...marks].join(' '),
      description: (description ?? '').replace(/\s+/g, ' ').trim(),
      access: rule ?? '',
      deprecated: deprecationReason != null,
    });
  };
  const value = ({ type, defaultValue }) => `${type}${defaultValue === undefined ? '' : ` = ${print(astFromValue(defaultValue, type))}`}`;
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__') || isSpecifiedScalarType(type)) continue;
    const members = isUnionType(type) ? ` = ${type.getTypes().join(' | ')}` : '';
    const interfaces = type.getInterfaces?.().join(' & ');
    add(type.name, `${interfaces ? ` implements ${interfaces}` : ''}${members}`, type);
    if (isEnumType(type)) for (const v of type.getValues()) add(`${type.name}.${v.name}`, '', v);
    for (const field of Object.values(type.getFields?.() ?? {})) {
      const coordinate = `${type.name}.${field.name}`;
      const args = (field.args ?? []).map((a) => `${a.name}: ${value(a)}`).join(', ');
      add(coordinate, `${args ? `(${args})` : ''}: ${isInputObjectType(type) ? value(field) : field.type}`, field);
      for (const a of field.args ?? []) add(`${coordinate}.${a.name}`, `: ${value(a)}`, a);
    }
  }
  return found;
}

// The exact differences, one line each: a "-" line from the release, a "+" line from now.
const lines = [];
for (const coordinate of [...new Set([...before.facts.keys(), ...after.facts.keys()])].sort()) {
  const [was, is] = [before.facts.get(coordinate), after.facts.get(coordinate)];
  const argument = coordinate.split('.').length > 2; // stands in its field's signature
  if (!argument && was?.signature !== is?.signature) {
    if (was) lines.push(`- ${was.signature}`);
    if (is) lines.push(`+ ${is.signature}`);
  }
  if (was && is && was.description !== is.description) lines.push(`- ${coordinate} "${was.description}"`, `+ ${coordinate} "${is.description}"`);
}

const changes = (await diff(before.schema, after.schema))
  .filter(({ type }) => !type.includes('DESCRIPTION'))
  .map(({ criticality, path, message, type }) => ({ level: criticality.level, coordinate: path?.replace(/\.?@.*/, '') ?? 'schema', message, removed: type.endsWith('_REMOVED') }));
for (const [coordinate, is] of after.facts) {
  const was = before.facts.get(coordinate);
  if (!was) continue;
  if (was.access !== is.access) {
    const message = `Access to '${coordinate}' changed from '${was.access || 'everyone'}' to '${is.access || 'everyone'}'`;
    changes.push({ level: is.access ? CriticalityLevel.Breaking : CriticalityLevel.Dangerous, coordinate, message });
  }
  if (was.description !== is.description) changes.push({ level: 'DESCRIBED', coordinate, message: `"${was.description}" became "${is.description}"` });
}

for (const [title, level] of [
  ['Breaking', CriticalityLevel.Breaking],
  ['Dangerous', CriticalityLevel.Dangerous],
  ['Safe', CriticalityLevel.NonBreaking],
  ['Described differently', 'DESCRIBED'],
]) {
  const list = changes.filter((change) => change.level === level);
  console.log(`${title}: ${list.length || 'none'}`);
  for (const { coordinate, message } of list) console.log(`  ${coordinate}: ${message}`);
}

const [, unreleased] = read('CHANGELOG.md').match(/^## Unreleased\n([^]*?)(?=^## |(?![^]))/m) ?? [];
if (unreleased === undefined) problems.push('there is no section "## Unreleased"');
const [, block] = unreleased?.match(/^```diff\n([^]*?)^```$/m) ?? [];
const recorded = block?.split('\n').filter(Boolean) ?? [];
const entries = (unreleased ?? '').replace(/^```diff\n[^]*?^```$/m, '').split(/^- /m).slice(1).map((text) => ({
  text: text.trim(),
  breaking: text.startsWith('BREAKING:'),
  coordinates: [...text.matchAll(/`([\w.]+)`/g)].map(([, coordinate]) => coordinate),
}));

// A breaking change must be named itself; any other may be part of what is named. Descriptions need no entry.
const covers = (coordinate, change) => change.coordinate === coordinate || change.coordinate.startsWith(`${coordinate}.`);
const records = (entry, change) =>
  change.level === CriticalityLevel.Breaking
    ? entry.breaking && entry.coordinates.includes(change.coordinate)
    : entry.coordinates.some((coordinate) => covers(coordinate, change));
const deprecated = ({ coordinate }) => before.facts.get(coordinate)?.deprecated ?? true; // types and members cannot be

problems.push(
  ...changes
    .filter((change) => change.removed && before.facts.has(change.coordinate) && change.coordinate.includes('.') && !deprecated(change))
    .map(({ coordinate }) => `removed without having been deprecated in a release: ${coordinate}`),
  ...changes
    .filter((change) => change.level !== 'DESCRIBED' && !entries.some((entry) => records(entry, change)))
    .map(({ level, coordinate, message }) =>
      level === CriticalityLevel.Breaking
        ? `breaks clients and is not recorded: ${message}\n    intended? add "- BREAKING: \`${coordinate}\` …, because …"`
        : `not recorded: ${message}\n    add "- \`${coordinate}\` …"`,
    ),
  ...entries.filter((entry) => !changes.some((change) => records(entry, change))).map(({ text }) => `recorded, but there is no such change: ${text}`),
);
if (lines.join('\n') !== recorded.join('\n')) {
  const list = (from, to) => from.filter((line) => !to.includes(line)).map((line) => `\n    ${line}`).join('');
  const [missing, wrong] = [list(lines, recorded), list(recorded, lines)];
  if (wrong) problems.push(`its \`\`\`diff block has lines that are not true:${wrong}`);
  if (missing) problems.push(`its \`\`\`diff block lacks:${missing}`);
  if (!wrong && !missing) problems.push(`its \`\`\`diff block has its lines in another order, want:${list(lines, [])}`);
}

if (problems.length > 0) {
  console.error(`\nschema/CHANGELOG.md, section Unreleased:`);
  for (const problem of problems) console.error(`  ${problem}`);
  process.exit(1);
}
