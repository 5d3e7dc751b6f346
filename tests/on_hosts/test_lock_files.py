"""What a lock file names: a failure leaves what was installed, and no credential is seen."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.testing import load_life
from cookbook.testing.life_packages import prepare_packages
from tests.on_hosts.conftest import Converge
from tests.on_hosts.manifest import statuses
from tests.waiting import listening

pytestmark = pytest.mark.hosts

LIVES = Path(__file__).parents[1] / "life"
NPM = 'npm_ci("/srv/life-ci/app", program="/opt/npm/usr/bin/npm"{})\n'
OPEN = NPM.format(', registry="http://127.0.0.1:4871/"')
COMPOSER = 'composer_install("/srv/life-php/app")\n'
BUNDLE = 'bundle("/srv/life-bundle/app", without="test")\n'


@pytest.fixture(scope="module")
def host(module_host: KitchenHost) -> KitchenHost:
    """A host with the applications that the lives have."""
    lives = [load_life(LIVES / f"{kind}.yml") for kind in ("bundle", "composer_install", "npm_ci")]
    prepare_packages(lives, module_host)
    for life in lives:
        do(module_host, life.prepare)
    return module_host


def do(host: KitchenHost, command: str) -> str:
    done = host.run(f"set -e\n{command}", timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout


def locked(host: KitchenHost, version: int) -> None:
    """Give the application of Node.js one of its two locks."""
    do(host, f"cd /srv/life-ci/app; cp ../lock.{version} package-lock.json;"
             f" cp ../package.{version} package.json; chown -R life-ci: .")  # fmt: skip


def test_npm_leaves_node_modules_as_it_was_if_anything_fails(
    host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    locked(host, 1)
    assert statuses(converge(host, OPEN)) == ["changed"]
    modules = "cd /srv/life-ci/app && find node_modules -type f -exec sha256sum {} + | sort"
    before = do(host, modules)

    locked(host, 2)
    do(host, "mv /srv/life-ci/registry/lifelib-2.0.0.* /srv/")
    [step] = converge(host, OPEN)
    assert step.status == "failed"
    assert "lifelib-2.0.0.tgz" in str(step.error)
    assert do(host, modules) == before
    do(host, "mv /srv/lifelib-2.0.0.* /srv/life-ci/registry/")

    quick = '", environment={"npm_config_fetch_retries": "0"}'
    away = NPM.format(f', registry="http://127.0.0.1:4879/{quick}')
    do(host, "sed -i s/:4871/:4879/ /srv/life-ci/app/package-lock.json")
    [step] = converge(host, away)
    assert "request to http://127.0.0.1:4879/" in str(step.error)
    assert "processTicksAndRejections" not in str(step.error)
    assert step.error is not None
    assert step.error.cause == "a server does not answer"
    locked(host, 2)

    do(host, "sed -i 's/&& echo done/\\&\\& exit 9/' /srv/life-ci/app/package.json")
    [step] = converge(host, OPEN)
    assert step.status == "failed"
    assert "exit 9" in str(step.error)
    assert do(host, modules) == before
    assert do(host, "ls -A /srv/life-ci/app | xargs").split() == [
        "node_modules", "package-lock.json", "package.json", "space"
    ]  # fmt: skip

    do(host, 'sed -i \'s/"lifelib":/"lifeold": "1", &/\' /srv/life-ci/app/package.json')
    [step] = plan(host, OPEN)
    assert "package.json requires lifeold 1, which is not in the lock" in str(step.error)


def test_what_a_killed_run_has_left_is_put_back(host: KitchenHost, converge: Converge) -> None:
    locked(host, 1)
    converge(host, OPEN)
    kept = "/srv/life-ci/app/.cook-packages/former"
    do(host, f"mkdir -p {kept}; cd /srv/life-ci/app; mv node_modules {kept}; mkdir node_modules")
    do(host, "chown -R life-ci: /srv/life-ci/app")
    do(host, "mv /srv/life-ci/registry/lifelib-1.0.0.* /srv/")
    [step] = converge(host, OPEN)
    assert step.status == "failed"
    assert do(host, "cd /srv/life-ci/app; node -p 'require(\"lifelib\")'") == "1.0.0\n"
    do(host, "mv /srv/lifelib-1.0.0.* /srv/life-ci/registry/")
    assert statuses(converge(host, OPEN)) == ["ok"]


def test_a_token_of_a_registry_is_seen_nowhere(host: KitchenHost, converge: Converge) -> None:
    token = f"cnry{secrets.token_hex(8)}"
    serve = "node /run/life-ci.js /srv/life-ci/registry 4872"
    do(host, f"systemd-run -q --unit private -E TOKEN={token} {serve}; {listening(4872)}")
    locked(host, 1)
    do(host, "cd /srv/life-ci/app; rm -rf node_modules; sed -i s/4871/4872/ package-lock.json")
    look = "while :; do cat /proc/[0-9]*/cmdline; done 2>/dev/null"
    do(host, f"systemd-run -q --unit watch sh -c '{look} >/run/seen'")
    recipe = "from cookbook.secrets.secret import Secret\n" + NPM.format(
        ', registry="http://127.0.0.1:4872/", token=Secret(node.vars["token"])'
    )
    wrong = converge(host, recipe, variables={"token": "cnry-another-one"})
    assert statuses(wrong)[0] == "failed"
    assert "cnry" not in str(wrong[0].error)
    steps = converge(host, recipe, variables={"token": token})
    assert statuses(steps)[0] == "changed", steps[0].error
    do(host, "systemctl stop watch; grep -aq npm.ci /run/seen")
    assert host.run(f"grep -aq {token} /run/seen").returncode == 1
    assert host.run(f"grep -rl {token} /var/lib /etc /root /tmp /srv /home /dev/shm").stdout == ""
    assert "cnry" not in str(steps[0].change)
    do(host, "systemctl stop private")


def test_bundler_names_what_is_wrong_and_leaves_the_former_gems(
    host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    declared = load_life(LIVES / "bundle.yml").declare
    for name in ("Gemfile", "Gemfile.lock"):
        text = declared[f"file[/srv/life-bundle/app/{name}]"]["content"]
        do(host, f"cat >/srv/life-bundle/app/{name} <<'END'\n{text}END")
    assert statuses(converge(host, BUNDLE)) == ["changed"]
    do(host, "sed -i 's/lifelib (1.0)/lifelib (1.9)/' /srv/life-bundle/app/Gemfile.lock")
    [step] = converge(host, BUNDLE)
    assert step.status == "failed"
    assert "lifelib" in str(step.error)
    assert "1.9" in str(step.error)
    do(host, "sed -i 's/lifelib (1.9)/lifelib (1.0)/' /srv/life-bundle/app/Gemfile.lock")
    # Of a run that was cut off: an archive that is not complete, and would not be fetched again.
    do(host, "cd /srv/life-bundle/app/vendor/bundle/ruby/*/; rm -r gems/lifelib* spec*/lifelib*;"
             " : >cache/lifelib-1.0.gem; mv /srv/life-bundle/gems /srv/life-bundle/away"
    )  # fmt: skip
    [step] = converge(host, BUNDLE)
    assert "/srv/life-bundle/gems/lifelib-1.0.gem" in str(step.error)
    assert "backtrace" not in str(step.error)
    assert ".rb:" not in str(step.error)
    do(host, "mv /srv/life-bundle/away /srv/life-bundle/gems;"
             " : >$(echo /srv/life-bundle/app/vendor/bundle/ruby/*/)cache/lifelib-1.0.gem"
    )  # fmt: skip
    assert statuses(converge(host, BUNDLE)) == ["changed"]
    assert do(host, "cd /srv/life-bundle/app; bundle exec ruby -e 'require %q(lifeapp); puts APP'")
    assert statuses(converge(host, BUNDLE)) == ["ok"]
    do(host, "echo 'gem %q(puma)' >>/srv/life-bundle/app/Gemfile")
    [step] = plan(host, BUNDLE)
    assert "You have added to the Gemfile: * puma" in str(step.error)


def test_composer_leaves_vendor_as_it_was_if_anything_fails(
    host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    app = "cd /srv/life-php/app"
    do(host, f"{app}; cp ../lock.1 composer.lock; cp ../json.1 composer.json")
    assert statuses(converge(host, COMPOSER)) == ["changed"]
    do(host, f"{app}; cp ../lock.2 composer.lock; cp ../json.2 composer.json")
    do(host, "mv /srv/life-php/lib-2.tar.gz /srv/")
    [step] = converge(host, COMPOSER)
    assert step.status == "failed"
    assert "lib-2.tar.gz" in str(step.error)
    do(host, f"mv /srv/lib-2.tar.gz /srv/life-php/; mkdir /run/full; {app}; cp -a . /run/full;"
             " mount -t tmpfs -o size=132k php /srv/life-php/app;"
             " cp -a /run/full/. /srv/life-php/app; chown life-php: /srv/life-php/app")  # fmt: skip
    [step] = converge(host, COMPOSER)
    do(host, "umount /srv/life-php/app; rm -r /run/full")
    assert step.error is not None
    assert step.error.cause == "a file system is full"
    do(host, f"{app}; echo '<?php exit(9);' >made.php")
    [step] = converge(host, COMPOSER)
    assert step.status == "failed"
    assert "made.php" in str(step.error)
    assert do(host, f"{app}; cat vendor/made vendor/life/lib/src/Main.php; ls -A | xargs") == (
        "app1<?php namespace Lib; class Main { const V = '1'; }\n"
        "composer.json composer.lock made.php src vendor\n"
    )
    do(host, f'{app}; sed -i \'s,"require": {{,&"life/old": "*"\\, ,\' composer.json')
    [step] = plan(host, COMPOSER)
    assert "composer.json requires life/old *, which is not in the lock" in str(step.error)
