# The rollout of version 2 of sample_cookbooks/deploy_app by hand: the same commands, no checks before.
set -e
runuser -u shop -- sh -e <<'END'
cd /srv/shop/repo
git fetch -q --tags --force --prune -- origin '+refs/heads/*:refs/heads/*'
d=/srv/shop/releases/by-hand
mkdir "$d"
git archive v2 | tar -x -C "$d"
ln -s /srv/shop/shared/log "$d/log"
cd "$d"
python3 -m venv --without-pip venv
venv/bin/python -m compileall -q server.py
ln -s releases/by-hand /srv/shop/.current
mv -T /srv/shop/.current /srv/shop/current
END
for port in 8001 8002; do
systemctl restart "shop-$port"
until curl -sf "http://127.0.0.1:$port/health" >/dev/null; do sleep 0.1; done
done
curl -sf http://shop.internal/health
