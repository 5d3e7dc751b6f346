"""
Rollouts: groups in order, hosts in batches, with a minimum of healthy hosts and a way back.

`strategy` and `reader` are what rollout.yml says; `plan` makes stages and batches of it; `progress`
decides what comes next, from events alone; `engine` does it, and `journal` keeps every event.
"""
