# Prints the state that W50 declares, the same text for whoever brought it about.
home=/srv/w50
dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' bc jq nginx rsync tree
getent group w50app w50ops
getent passwd w50u1 w50u2 w50u3 w50u4 w50u5
stat -c '%n %U %G %F' /home/w50u?
find $home -type l -printf '%p %l\n' | sort
find $home ! -type l -printf '%p %y %m %u %g\n' | sort
find $home -type f -exec sha256sum {} + | sort
for unit in cron nginx; do
    echo "$unit $(systemctl is-enabled $unit) $(systemctl is-active $unit)"
done
crontab -l | grep '^[^#]'
for port in 80 443; do
    if nft list ruleset | grep -q "dport.*\<$port\>.*accept"; then echo "open: $port"; fi
done
