#!/bin/sh
# Makes the user and the directories of the service. The service is not started: its
# configuration comes first.
set -e
if ! getent group daybook > /dev/null; then
	groupadd --system daybook
fi
if ! getent passwd daybook > /dev/null; then
	useradd --system --gid daybook --home-dir /var/lib/daybook --no-create-home --shell /usr/sbin/nologin daybook
fi
install -d -m 0750 -o daybook -g daybook /var/lib/daybook /var/lib/daybook/dumps /var/lib/daybook/reports
install -d -m 0700 /etc/daybook/secrets
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	# An upgrade goes on with the new program.
	systemctl try-restart daybook.service
fi
cat << 'END'
daybook is installed. Next:
  edit /etc/daybook/daybook.yml
  daybook config check --online -c /etc/daybook/daybook.yml
  systemctl enable --now daybook
END
