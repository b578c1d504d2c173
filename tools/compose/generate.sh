#!/bin/sh
# Regenerates everything that is made from schema/*.graphqls. A second run changes nothing.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
"$root/tools/compose/run" compose.mjs
"$root/tools/compose/run" fixtures.mjs "$root"/router/internal/*/testdata "$root"/tools/bench/subgraph
"$root/storefront/run" generate
for config in "$root"/subgraphs/*/gqlgen.yml "$root"/tools/bench/subgraph/*/gqlgen.yml; do
	[ -e "$config" ] || continue
	cd "$(dirname "$config")"
	go tool gqlgen generate
done
