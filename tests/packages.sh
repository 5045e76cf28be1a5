#!/bin/sh
# Install those of the Debian packages named that are missing; without root, say how.
set -eu

missing=
for package; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install="apt-get update && apt-get install --yes --no-install-recommends$missing"
if [ "$(id -u)" -ne 0 ]; then
    echo "The tests need Debian packages that are missing. Run this once, then try again:" >&2
    echo "    sudo sh -c '$install'" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# A package's own service is not wanted: the tests start servers of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
echo "Installing$missing"
# Two runs at once take turns.
flock /tmp/imagehash-packages.lock sh -c "$install" >/dev/null
