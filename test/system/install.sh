#!/usr/bin/env bash
# The Debian packages that `npm run test:system` needs: installs what is missing, starts nothing.
set -euo pipefail

# A command, and the package that brings it.
needed=(
  promtool prometheus
  prometheus prometheus
  amtool prometheus-alertmanager
  prometheus-alertmanager prometheus-alertmanager
  systemd-analyze systemd
  chromium chromium
)

missing=()
for ((at = 0; at < ${#needed[@]}; at += 2)); do
  command -v "${needed[at]}" >/dev/null || missing+=("${needed[at + 1]}")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "nothing is missing"
  exit 0
fi

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Their services would start with the installation, and stay.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  trap 'as_root rm -f "$policy"' EXIT
fi

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 \
    -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=60 -qq "$@"
}

# A registry may be away for a moment.
for attempt in 1 2 3; do
  apt update && apt install -y --no-install-recommends "${missing[@]}" >/dev/null && break
  [ "$attempt" -lt 3 ]
  sleep $((attempt * 5))
done
