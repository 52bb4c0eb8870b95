#!/usr/bin/env bash
# Fetches the libraries and the font under page/vendor from the npm registry, at the
# versions below, with their licences. Run it after changing a version, and look at what
# changed; nothing is fetched when the gateway is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/page/vendor"

fetched="$(mktemp -d)"
trap 'rm -rf "$fetched"' EXIT

# fetch NAME VERSION unpacks a package into $fetched/package.
fetch() {
    rm -rf "$fetched/package"
    npm pack --silent --pack-destination "$fetched" "$1@$2" >"$fetched/name"
    tar -xzf "$fetched/$(<"$fetched/name")" -C "$fetched"
}

# module FILE TO copies a module. Source maps are not there; bare names become paths.
module() {
    sed -e '/^\/\/# sourceMappingURL=/d' -e 's/from"preact"/from".\/preact.js"/' "$fetched/package/$1" >"$2"
}

fetch preact 11.2.0
module dist/preact.mjs preact.js
module hooks/dist/hooks.mjs hooks.js
cp "$fetched/package/LICENSE" preact.LICENSE.txt

fetch htm 3.1.1
module dist/htm.mjs htm.js
cp "$fetched/package/LICENSE" htm.LICENSE.txt

fetch lean-qr 2.7.4
module nano.mjs qr.js
cp "$fetched/package/LICENSE" lean-qr.LICENSE.txt

fetch @fontsource-variable/figtree 5.3.0
cp "$fetched/package/files/figtree-latin-wght-normal.woff2" figtree-latin.woff2
cp "$fetched/package/files/figtree-latin-ext-wght-normal.woff2" figtree-latin-ext.woff2
cp "$fetched/package/LICENSE" figtree.LICENSE.txt

chmod 644 ./*
