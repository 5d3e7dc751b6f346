"""The source `ec2`: instances of Amazon EC2, by boto3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cookbook.inventory.sources.query import SourceQuery, library_missing, texts_of

_KEYS = ("regions", "filters", "address", "group_by", "profile", "endpoint", "user")
_ADDRESSES = {
    "private": "PrivateIpAddress",
    "public": "PublicIpAddress",
    "dns": "PublicDnsName",
    "private_dns": "PrivateDnsName",
}
_NO_NAME = re.compile(r"[^\w.%+-]")
_NAME = re.compile(r"\w[\w.%+-]*")
_RUNNING = {"Name": "instance-state-name", "Values": ["running"]}
_FACTS = {
    "id": "InstanceId",
    "type": "InstanceType",
    "image": "ImageId",
    "vpc": "VpcId",
    "subnet": "SubnetId",
    "private_address": "PrivateIpAddress",
    "public_address": "PublicIpAddress",
}
"""Variable -> what EC2 calls it."""


def hosts(query: SourceQuery) -> Mapping[str, object]:
    """
    Return the running instances of the regions that fit the filters.

    A host is named as its tag Name says, or else by its instance id. Regions and zones are groups;
    `group_by` are tags, each value of which is a group KEY_VALUE. Credentials are boto3's.
    """
    query.check(_KEYS)
    address = _ADDRESSES[query.text("address", "private", _ADDRESSES)]
    filters = _filters(query)
    found: list[tuple[str, dict[str, Any]]] = []
    for region in query.texts("regions") or [""]:
        found += [(where, one) for where, one in _instances(query, region, filters)]
    names = _names([one for _, one in found])
    user, by = query.text("user"), query.texts("group_by")
    result: dict[str, Any] = {}
    groups: dict[str, dict[str, list[str]]] = {}
    unreachable: list[str] = []
    for (region, one), name in zip(found, names, strict=True):
        if not one.get(address):
            unreachable.append(name)
            continue
        zone = str(one["Placement"]["AvailabilityZone"])
        tags = _tags(one)
        facts = {ours: one[theirs] for ours, theirs in _FACTS.items() if one.get(theirs)}
        facts |= {"region": region, "zone": zone, "tags": tags}
        result[name] = {"address": one[address], "vars": {"ec2": facts}}
        result[name] |= {"user": user} if user else {}
        in_region = groups.setdefault(region, {"groups": []})["groups"]
        if zone not in in_region:
            in_region.append(zone)
        tagged = [f"{key}_{tags[key]}" for key in by if tags.get(key)]
        for group in (zone, *(_NO_NAME.sub("_", text) for text in tagged)):
            groups.setdefault(group, {"hosts": []}).setdefault("hosts", []).append(name)
    if unreachable:
        kind = query.text("address", "private")
        query.warn(f"left out, because they have no {kind} address: {', '.join(unreachable[:10])}")
    return {"hosts": result, "groups": groups}


def _filters(query: SourceQuery) -> list[dict[str, Any]]:
    """Return the filters as DescribeInstances takes them; without a state, only what runs."""
    given = query.settings.get("filters")
    parts = {} if given is None or given.data is None else given.data
    if not isinstance(parts, dict):
        raise query.error(
            "filters must be a mapping", "filters", hint='filters: {"tag:Role": [web, db]}'
        )
    found: list[dict[str, Any]] = [
        {"Name": name, "Values": texts_of(value, f"the filter {name}")}
        for name, value in parts.items()
    ]
    has_state = any(one["Name"].startswith("instance-state-") for one in found)
    return found if has_state else [*found, _RUNNING]


def _instances(
    query: SourceQuery, region: str, filters: list[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield region and instance, in the order of their ids."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise library_missing(query, "boto3", "ec2") from None
    wait = max(1, int(query.timeout / 2))
    config = Config(connect_timeout=wait, read_timeout=wait, retries={"total_max_attempts": 2})
    try:
        session = boto3.Session(
            region_name=region or None, profile_name=query.text("profile") or None
        )
        endpoint = query.text("endpoint") or None
        client: Any = session.client("ec2", endpoint_url=endpoint, config=config)
        pages = client.get_paginator("describe_instances").paginate(Filters=filters)
        found = [
            one for page in pages for each in page["Reservations"] for one in each["Instances"]
        ]
    except (BotoCoreError, ClientError, ValueError) as error:
        raise query.failure(f"{region or 'the default region'}: {error}") from None
    where = str(client.meta.region_name)
    yield from ((where, one) for one in sorted(found, key=lambda one: str(one["InstanceId"])))


def _names(instances: list[dict[str, Any]]) -> list[str]:
    """Return a name for each: its tag Name, if that is a name and no other has it."""
    tagged = [_tags(one).get("Name", "") for one in instances]
    return [
        name if _NAME.fullmatch(name) and tagged.count(name) == 1 else str(one["InstanceId"])
        for name, one in zip(tagged, instances, strict=True)
    ]


def _tags(instance: Mapping[str, Any]) -> dict[str, str]:
    return {str(tag["Key"]): str(tag["Value"]) for tag in instance.get("Tags", ())}
