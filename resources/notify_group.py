"""Groups of notifications."""

from __future__ import annotations

from typing import ClassVar, Literal

from cookbook.provider import Resource, recipe_function


class NotifyGroup(Resource):
    """
    Several notifications under one name: Chef's `notify_group`.

    It changes nothing itself. When it is notified, it sends its own notifications, and those of the
    resources that subscribe to it; with the action `run` in the recipe it does so in each run.
    Others notify it by `delayed("run", "notify_group[the site is new]")`.

    Example::

        notify_group("the site is new")
    """

    category: ClassVar[str] = "commands"

    action: Literal["run", "nothing"] = "nothing"


notify_group = recipe_function(NotifyGroup)
