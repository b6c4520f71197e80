#!/bin/sh
# Makes static/vendor/plot.js from npm's packages: Observable Plot with the parts of D3 that entry.js needs, and their licences.
# Usage: sh docker/lock/plot/build.sh. Needs node and npm; the versions are fixed here, so that it is the same file.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../../../static/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cp "$here/package.json" "$here/package-lock.json" "$here/entry.js" .
npm ci --ignore-scripts --no-audit --no-fund --silent
npx esbuild entry.js --bundle --minify --format=iife --global-name=Plot --legal-comments=none --outfile=bundle.js --log-level=warning
inputs=$(npx esbuild entry.js --bundle --format=iife --metafile=meta.json --outfile=/dev/null --log-level=error;
    node -e 'const names = Object.keys(require("./meta.json").inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
        console.log([...new Set(names.filter(Boolean))].sort().join(" "))')
{
    echo "/* Observable Plot $(node -p 'require("./node_modules/@observablehq/plot/package.json").version') and what it needs of D3; licences in plot.LICENSES.txt. Made by docker/lock/plot/build.sh. */"
    cat bundle.js
} > "$out/plot.js"
for name in $inputs; do
    node -p "const p = require('./node_modules/$name/package.json'); p.name + ' ' + p.version + ' (' + p.license + ')'"
    cat node_modules/"$name"/LICENSE* 2>/dev/null || echo "No licence file in the package."
    echo
done > "$out/plot.LICENSES.txt"
