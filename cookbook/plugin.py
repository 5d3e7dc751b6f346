"""
The marker of the hooks of a plugin.

A plugin is a module with functions named as in `cookbook.plugins.hookspecs`, each marked by
`hookimpl`, and named in the entry point group `cookbook` of its package:

    [options.entry_points]
    cookbook =
        mine = my_package.my_plugin
"""

from __future__ import annotations

import pluggy

hookimpl = pluggy.HookimplMarker("cookbook")

__all__ = ["hookimpl"]
