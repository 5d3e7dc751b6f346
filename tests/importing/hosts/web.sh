# A web server as somebody built it by hand: nginx, people, keys, cron, ufw.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -qy --no-install-recommends nginx-light ufw cron rsync tzdata locales
apt-mark hold rsync

groupadd -g 1500 ops
groupadd -r deployers
useradd -m -s /bin/bash -u 1600 -c 'Ann Other, "ops"' -G ops,adm ann
useradd -m -s /bin/bash -g ops bob
useradd -r -d /srv/shop -s /usr/sbin/nologin shop
gpasswd -a www-data shop
echo 'ann:correct horse battery staple' | chpasswd
chage -M 90 ann
chmod 0750 /home/ann
install -d -m 0700 -o ann -g ann /home/ann/.ssh
cat >/home/ann/.ssh/authorized_keys <<'KEYS'
# laptop
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYDSmHGlf/NOa4D45whD3Wq1iSGSYeXqL3GJ4ZgJgi7 ann@laptop
from="10.0.0.0/8",command="/usr/bin/rsync --server" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILBYqcTiNxWPWg7JBFPBXAaGNnoYqLOE6BpbW9IsBYW3 backup of ann
KEYS
chown ann:ann /home/ann/.ssh/authorized_keys
chmod 0600 /home/ann/.ssh/authorized_keys
echo '%ops ALL=(root) NOPASSWD: /usr/bin/systemctl reload nginx' >/etc/sudoers.d/ops
chmod 0440 /etc/sudoers.d/ops

install -d -m 0755 /etc/nginx/snippets/shop
cat >/etc/nginx/sites-available/shop <<'SITE'
server {
    listen 8080 default_server;
    root /var/www/html;
    location = /health { return 200 "it's \"well\" {{ here }}\n"; }
}
SITE
ln -s /etc/nginx/sites-available/shop /etc/nginx/sites-enabled/shop
rm /etc/nginx/sites-enabled/default
sed -i 's/worker_connections .*;/worker_connections 333;/' /etc/nginx/nginx.conf
printf 'shop_db_password = hunter2-of-the-shop\n' >/etc/nginx/snippets/shop/backend.ini
chmod 0640 /etc/nginx/snippets/shop/backend.ini
openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=shop -keyout /etc/ssl/private/shop.key \
    -out /etc/ssl/certs/shop.crt 2>/dev/null || :
chmod 0600 /etc/ssl/private/shop.key || :
nginx -t
systemctl reload nginx || systemctl restart nginx

cat >/usr/local/bin/tidy <<'SCRIPT'
#!/bin/sh
# It's a "script" with quotes and a backslash: \n
find /var/tmp -name 'shop-*' -mtime +7 -delete
SCRIPT
chmod 0755 /usr/local/bin/tidy
printf '15 3 * * * /usr/local/bin/tidy\n@reboot sleep 1\n' | crontab -u ann -
printf 'MAILTO=ops@example.com\n*/5 * * * * root test -x /usr/local/bin/tidy && /usr/local/bin/tidy\n' \
    >/etc/cron.d/tidy
chmod 0644 /etc/cron.d/tidy
systemctl disable --now rsync 2>/dev/null || :

ufw --force reset >/dev/null
ufw allow 22/tcp
ufw allow 8080/tcp comment 'the shop'
ufw --force enable

echo 'net.core.somaxconn = 2048' >/etc/sysctl.d/50-web.conf
sysctl -q -p /etc/sysctl.d/50-web.conf || :
echo '192.0.2.7 db1.example.com db1' >>/etc/hosts
ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime
echo Europe/Berlin >/etc/timezone
sed -i 's/^# *en_GB.UTF-8/en_GB.UTF-8/' /etc/locale.gen
locale-gen >/dev/null
update-locale LANG=en_GB.UTF-8
