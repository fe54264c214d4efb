#!/bin/sh
# Stops the service before its program is removed. $1 is "remove" or 0 if no other
# version follows.
set -e
case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now daybook.service daybook-run.timer || true
fi
