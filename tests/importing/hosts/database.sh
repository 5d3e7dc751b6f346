# A database host: PostgreSQL, a tuned kernel, a worker with a timer, a mount and swap.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -qy --no-install-recommends postgresql cron logrotate nftables procps

version=$(ls /etc/postgresql)
sed -i "s/^max_connections = .*/max_connections = 77/" /etc/postgresql/$version/main/postgresql.conf
echo 'host shop shop 10.0.0.0/8 scram-sha-256' >>/etc/postgresql/$version/main/pg_hba.conf
systemctl restart postgresql

useradd -r -m -d /var/lib/worker -s /usr/sbin/nologin worker
cat >/usr/local/sbin/worker <<'SCRIPT'
#!/bin/sh
exec sleep infinity
SCRIPT
chmod 0750 /usr/local/sbin/worker
chgrp worker /usr/local/sbin/worker
install -d -m 0750 -o root -g worker /etc/worker
printf '[queue]\nname = jobs\n' >/etc/worker/worker.ini
chown root:worker /etc/worker/worker.ini
chmod 0640 /etc/worker/worker.ini
printf 'API_TOKEN=0123456789abcdef0123456789\n' >/etc/worker/worker.env
chmod 0600 /etc/worker/worker.env
cat >/etc/systemd/system/worker.service <<'UNIT'
[Unit]
Description=Works off the queue: 100% "quoted"

[Service]
ExecStart=/usr/local/sbin/worker
User=worker

[Install]
WantedBy=multi-user.target
UNIT
cat >/etc/systemd/system/vacuum.service <<'UNIT'
[Service]
Type=oneshot
ExecStart=/usr/bin/true
UNIT
cat >/etc/systemd/system/vacuum.timer <<'UNIT'
[Timer]
OnCalendar=Sun 04:00

[Install]
WantedBy=timers.target
UNIT
install -d /etc/systemd/system/cron.service.d
printf '[Service]\nNice=5\n' >/etc/systemd/system/cron.service.d/override.conf
systemctl daemon-reload
systemctl enable --now worker.service vacuum.timer
systemctl restart cron
systemctl disable --now logrotate.timer

printf 'vm.swappiness = 3\nvm.overcommit_memory = 2\n' >/etc/sysctl.d/60-database.conf
install -d -m 0750 /srv/scratch
echo 'tmpfs /srv/scratch tmpfs size=16m,mode=0750 0 0' >>/etc/fstab
mount /srv/scratch
fallocate -l 16M /swapfile || dd if=/dev/zero of=/swapfile bs=1M count=16 status=none
chmod 600 /swapfile
mkswap /swapfile >/dev/null
swapon /swapfile && echo '/swapfile none swap sw 0 0' >>/etc/fstab || rm /swapfile

cat >/etc/nftables.conf <<'RULES'
#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy accept;
		tcp dport 5432 ip saddr != 10.0.0.0/8 drop
	}
}
RULES
systemctl enable nftables
systemctl restart nftables
printf '*/10 * * * * psql -qc "select 1" >/dev/null 2>&1\n' | crontab -u postgres -
