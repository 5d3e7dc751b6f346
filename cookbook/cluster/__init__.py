"""
One run in several processes: shards of hosts, on this machine or on the workers of a Dask cluster.

`shards` divides the hosts, `forks` has the processes, `channel` is the way to one, and `results`
joins their reports. `here` does a run on this machine. For a cluster, `bundle` packs the files of
the run, `client` hands out the shards, and `task` and `server` are what a worker does.
"""
