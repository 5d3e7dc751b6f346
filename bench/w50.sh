# W50 as one would write it by hand for a fresh host: it asks nothing and does everything.
set -eu
home=/srv/w50

DEBIAN_FRONTEND=noninteractive apt-get -qq -y install bc jq nginx rsync tree

groupadd -g 2001 w50app
groupadd -g 2002 w50ops

for number in 1 2 3 4 5; do
    useradd -u 210$number -g w50app -s /bin/bash -d /home/w50u$number -m w50u$number
done

install -d -o w50u1 -g w50app -m 0750 $home
for number in 1 2 3 4 5 6 7 8 9; do
    install -d -o w50u1 -g w50app -m 0750 $home/d$number
done

for number in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
    path=$home/d$((number % 9 + 1))/f$number.conf
    for line in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
        echo "setting$line = $number"
    done >$path
    chown w50u1:w50app $path
    chmod 0640 $path
done

for number in 1 2 3; do
    ln -s $home/d$number $home/l$number
done

systemctl enable cron nginx
systemctl start cron nginx

{ crontab -l 2>/dev/null || :; echo '0 4 * * * /usr/bin/true w50'; } | crontab -

for port in 80 443; do
    iptables -A INPUT -p tcp --dport $port -j ACCEPT
done
