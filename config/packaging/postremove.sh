#!/bin/sh
# Removes what the package has made: apt purge removes the configuration, the user, and
# /var/lib/daybook with its dumps and reports. A removal alone keeps all of that.
# rpm has no purge.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
if [ "$1" = purge ]; then
	rm -rf /etc/daybook /var/lib/daybook
	if getent passwd daybook > /dev/null; then
		userdel daybook
	fi
	if getent group daybook > /dev/null; then
		groupdel daybook
	fi
fi
