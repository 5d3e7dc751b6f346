"""Groups of notifications."""

from __future__ import annotations

from typing import ClassVar, Literal

from cookbook.provider import Resource, recipe_function


class NotifyGroup(Resource):
    """
    Several notifications under one name: Chef's `notify_group`.

    It changes nothing itself. When it is notified, it sends its own notifications, and those of the
    resources that subscribe to it; with the action `run` in the recipe it does so in each run.

    Example::

        from cookbook.recipe import delayed
        from cookbook.resources import file, service

        notify_group("the site", notifies=[delayed("reload", "service[nginx]")])
        service("nginx", action="nothing")
        file("/etc/a.conf", mode="0644", notifies=[delayed("run", "notify_group[the site]")])
    """

    category: ClassVar[str] = "commands"

    action: Literal["run", "nothing"] = "nothing"


notify_group = recipe_function(NotifyGroup)
