"""
One run on several machines: shards of hosts, on the workers of a Dask cluster.

`shards` divides the hosts, `bundle` packs the files of the run, `task` is what a worker does, and
`client` hands out the shards and joins their reports.
"""
