#!/bin/sh
# Stops the service before its program is removed. $1 is "upgrade" or a number above 0
# if another version follows: then it goes on. Reports, dumps and the user stay.
set -e
case "$1" in
upgrade | 1) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now daybook.service daybook-run.timer || true
fi
