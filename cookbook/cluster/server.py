"""
The process of cook on a machine of a cluster: it has read the inventory, and does many shards.

A worker of the cluster starts it, and asks by its standard input, which is a channel:

    -> {"shard": 1, "hosts": ["web1", ...]}    begin
    -> {"stop": 1}                              as at Ctrl-C
    <- {"ended": 1, "status": 0}                its folder has what it has printed

It ends, with all shards, once the worker has closed the channel, or is gone.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from cookbook.cluster.channel import Channel, Message
from cookbook.cluster.forks import Forks, ShardWork
from cookbook.cluster.shards import Shard


def serve(work: ShardWork) -> int:
    """Do the shards that come by the standard input, at the same time; return 0 at its end."""
    channel = Channel(socket.socket(fileno=os.dup(0)))
    forks = Forks(work, Path(os.environ["COOK_STATE"]), own_state=True, beside=channel)
    while True:
        for shard, message, result in forks.wait():
            if result is not None:
                channel.send({"ended": result.number, "status": result.status})
            elif message is None:
                return 0
            elif shard is None:
                _obey(forks, message)
            elif "ready" in message:
                forks.send({"go": True}, [shard.number])


def _obey(forks: Forks, message: Message) -> None:
    if "shard" in message:
        forks.start(Shard(int(message["shard"]), tuple(message["hosts"])))
    else:
        forks.interrupt([int(message["stop"])])
