"""The source `ec2`, by boto3, against a server of moto on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from cookbook.errors import SourceError
from tests.inventory.conftest import Sourced

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def amazon() -> Iterator[str]:
    """A server that answers as Amazon does, with instances in two regions."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    address, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.delenv("AWS_PROFILE", raising=False)
        url = f"http://{address}:{port}"
        _launch(
            url, "eu-west-1", "a", {"Name": "web1", "Role": "web"}, {"Name": "web2", "Role": "web"}
        )
        _launch(url, "eu-west-1", "b", {"Name": "my db", "Role": "db master"}, {})
        _launch(url, "us-east-1", "a", {"Name": "far", "Role": "web"}, {"Name": "gone"})
        yield url
    server.stop()


def _launch(url: str, region: str, zone: str, *tags: dict[str, str]) -> None:
    client = boto3.client("ec2", region_name=region, endpoint_url=url)
    image = client.describe_images()["Images"][0]["ImageId"]
    for one in tags:
        made = client.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, Placement={"AvailabilityZone": f"{region}{zone}"}
        )
        number = made["Instances"][0]["InstanceId"]
        client.create_tags(
            Resources=[number],
            Tags=[{"Key": key, "Value": text} for key, text in one.items()]
            or [{"Key": "x", "Value": "y"}],
        )
        if one.get("Name") == "gone":
            client.terminate_instances(InstanceIds=[number])


def test_instances_are_hosts_and_places_and_tags_are_groups(amazon: str, sourced: Sourced) -> None:
    settings = "regions: [eu-west-1, us-east-1], group_by: Role, user: admin"
    found = sourced(f"  - ec2: {{{settings}, endpoint: '{amazon}'}}")
    named = [name for name in found.hosts if not name.startswith("i-")]
    assert sorted(named) == ["far", "web1", "web2"]
    assert len(found.hosts) == 5
    groups = {name: len(group.hosts) for name, group in found.groups.items()}
    assert groups == {
        "eu-west-1": 4,
        "eu-west-1a": 2,
        "eu-west-1b": 2,
        "us-east-1": 1,
        "us-east-1a": 1,
        "Role_web": 3,
        "Role_db_master": 1,
    }
    web1 = found.hosts["web1"]
    facts: Any = web1.vars["ec2"]
    assert (web1.user, web1.address) == ("admin", facts["private_address"])
    assert (facts["region"], facts["zone"], facts["tags"]["Role"]) == (
        "eu-west-1",
        "eu-west-1a",
        "web",
    )


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ("filters: {'tag:Role': web}, regions: eu-west-1", ["web1", "web2"]),
        ("filters: {'tag:Name': [far, web2]}, regions: us-east-1", ["far"]),
        ("filters: {instance-state-name: terminated}, regions: us-east-1, address: dns", []),
    ],
)
def test_filters_and_regions(
    settings: str, names: list[str], amazon: str, sourced: Sourced
) -> None:
    found = sourced(f"  - ec2: {{{settings}, endpoint: '{amazon}'}}", "hosts: [own]")
    assert sorted(found.hosts) == sorted(["own", *names])


@pytest.mark.parametrize("kind", ["public", "private"])
def test_the_address_is_the_one_that_is_wanted(kind: str, amazon: str, sourced: Sourced) -> None:
    found = sourced(f"  - ec2: {{regions: us-east-1, address: {kind}, endpoint: '{amazon}'}}")
    facts: Any = found.hosts["far"].vars["ec2"]
    assert found.hosts["far"].address == facts[f"{kind}_address"]


def test_many_instances_come_in_pages(
    amazon: str, sourced: Sourced, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("ec2", region_name="eu-north-1", endpoint_url=amazon)
    image = client.describe_images()["Images"][0]["ImageId"]
    client.run_instances(ImageId=image, MinCount=30, MaxCount=30)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    found = sourced(f"  - ec2: {{endpoint: '{amazon}'}}")
    assert len(found.hosts) == 30
    assert found.groups["eu-north-1"].hosts == tuple(found.hosts)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "no url"])
def test_a_cloud_that_does_not_answer_is_a_failure(
    endpoint: str, amazon: str, sourced: Sourced
) -> None:
    assert amazon
    with pytest.raises(SourceError, match=r"^hosts\.yml:3: ec2: eu-west-1: "):
        sourced(f"  - ec2: {{regions: eu-west-1, endpoint: '{endpoint}'}}\n    timeout: 2")
