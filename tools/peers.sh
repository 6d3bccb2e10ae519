#!/bin/sh
# What the tests talk to beside our own server: nginx, Redis, PgBouncer, Node for an OpenID provider and Azurite, and
# Chromium (or what CHROMIUM names) for the Studio. Installs
# what is missing where that is possible without asking (root on Debian), and says what to install where it is not.
set -eu

missing=""
for program in nginx:nginx redis-server:redis-server pgbouncer:pgbouncer node:nodejs npm:npm chromium:chromium; do
  command -v "${program%%:*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${program%%:*}" ] || [ "${program%%:*}:${CHROMIUM:+set}" = chromium:set ] || missing="$missing ${program##*:}"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing for the tests:$missing …"
  apt-get update -qq
  # No server of the system is to start: the tests start their own.
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
  # shellcheck disable=SC2086 # one word a package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
  rm -f /usr/sbin/policy-rc.d
  exit 0
fi
echo "The tests also need:$missing. On Debian: apt-get install$missing (on macOS: brew install nginx redis pgbouncer node; CHROMIUM=/path/to/chrome)." >&2
exit 1
