# A host with a bit of everything: a foreign repository, pins, a masked unit, links, an old crontab.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -qy --no-install-recommends cron jq openssh-server tmux kmod

cat >/etc/apt/sources.list.d/contrib.sources <<'REPO'
Types: deb
URIs: http://deb.debian.org/debian
Suites: trixie
Components: contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
REPO
install -d -m 0755 /etc/apt/keyrings
cat /usr/share/keyrings/debian-archive-keyring.gpg >/etc/apt/keyrings/debian.gpg
chmod 0644 /etc/apt/keyrings/debian.gpg
apt-get update -q
printf 'Package: jq\nPin: release *\nPin-Priority: 600\n' >/etc/apt/preferences.d/jq
printf 'APT::Install-Recommends "false";\n' >/etc/apt/apt.conf.d/99recommends
mkdir -p /root/deb/DEBIAN
printf 'Package: handmade\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@example.com>\nDescription: by hand\n' \
    >/root/deb/DEBIAN/control
dpkg-deb -b /root/deb /root/handmade.deb >/dev/null
dpkg -i /root/handmade.deb >/dev/null

useradd -m -s /bin/sh -u 1700 carl
passwd -l carl >/dev/null
useradd -M -s /usr/sbin/nologin -u 1701 -d /nonexistent -e 2031-01-31 service1
printf 'PATH=/usr/local/bin:/usr/bin:/bin\nMAILTO=""\n# an old job\n5 4 * * 1-5 echo "100\\%% done" >/dev/null\n' \
    | crontab -u carl -
install -d -m 0755 /etc/carl.d
ln -s ../carl.d /etc/profile.d/carl.link
printf 'export EDITOR=vi\n' >/etc/profile.d/editor.sh
printf '\001\002\377binary\n' >/etc/carl.d/state.bin
printf 'café: "ü"\r\nline two without an end' >/etc/carl.d/umlaut.txt
chown carl:carl /etc/carl.d/umlaut.txt
chmod 2755 /etc/carl.d/umlaut.txt
head -c 3000000 /dev/zero >/etc/carl.d/large
rm -f /etc/cron.daily/apt-compat
printf 'PermitRootLogin no\nX11Forwarding no\n' >/etc/ssh/sshd_config.d/10-site.conf
systemctl mask ctrl-alt-del.target
printf 'alias eth-none off\n' >/etc/modprobe.d/site.conf
printf 'kernel.sysrq = 0\n' >/etc/sysctl.d/99-sysrq.conf
sysctl -q -p /etc/sysctl.d/99-sysrq.conf || :
echo '2001:db8::7 six.example.com six' >>/etc/hosts

# A repository with a key where cook keeps its own, swap in a file, a rule of others.
cp /etc/apt/trusted.gpg.d/debian-archive-trixie-automatic.asc /etc/apt/keyrings/later.asc
chmod 0644 /etc/apt/keyrings/later.asc
cat >/etc/apt/sources.list.d/later.sources <<'REPO'
Types: deb
URIs: http://deb.debian.org/debian
Suites: trixie-backports
Components: main
Signed-By: /etc/apt/keyrings/later.asc
REPO
apt-get update -q
(umask 077; head -c 16777216 /dev/zero >/swapfile)
mkswap /swapfile >/dev/null
swapon /swapfile
echo '/swapfile none swap sw 0 0' >>/etc/fstab
nft add table ip guest
nft add chain ip guest input '{ type filter hook input priority 5; }'
nft add rule ip guest input tcp dport 23 drop
