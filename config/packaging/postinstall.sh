#!/bin/sh
# Makes the user and the directories of the service. The service is not started: its
# configuration comes first.
set -e
new=
if ! getent group daybook > /dev/null; then
	groupadd --system daybook
fi
if ! getent passwd daybook > /dev/null; then
	useradd --system --gid daybook --home-dir /var/lib/daybook --no-create-home --shell /usr/sbin/nologin daybook
	new=yes
fi
install -d -m 0750 -o daybook -g daybook /var/lib/daybook /var/lib/daybook/dumps /var/lib/daybook/reports
# Files that root puts here belong to the group of the service.
install -d -m 2750 -g daybook /etc/daybook/secrets
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	# An upgrade goes on with the new program. journalctl says why a service fails.
	systemctl try-restart daybook.service || true
fi
[ -z "$new" ] || cat << 'END'
daybook is installed. Next, as root:
  cd /etc/daybook, and edit daybook.yml
  runuser -u daybook -- daybook config check --online
  systemctl enable --now daybook
END
