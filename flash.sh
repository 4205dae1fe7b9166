#!/bin/sh
# Builds one bundle and puts it on a board: flash.sh card|cartridge|reader|client|selftest --port PORT|--ble BOARD [--board NAME] [--dry-run]
cd "$(dirname "$0")" || exit 1
exec node scripts/flash.mjs "$@"
