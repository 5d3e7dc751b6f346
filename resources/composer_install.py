"""The packages of an application of PHP."""

from __future__ import annotations

from typing import ClassVar, Literal

from cookbook.provider import recipe_function
from cookbook.resources._locked import FromLock


class ComposerInstall(FromLock):
    """
    The packages of an application of PHP, as its composer.lock names them, by Composer.

    What Composer has recorded as installed is compared with the lock, and that each package is
    there. They are installed in another folder and switched, and a failure leaves the former ones.

    Example::

        composer_install("/srv/shop", dev=False, optimize_autoloader=True)
    """

    category: ClassVar[str] = "applications"

    tool: ClassVar[str] = "composer"

    vendor: str = "vendor"
    """The folder that packages are installed into, relative to the application: `vendor-dir` of its
    configuration."""

    dev: bool = True
    """Install the packages of `require-dev` as well."""

    optimize_autoloader: bool = False
    """Write all classes into the autoloader. With False, one that has them is left."""

    ignore_scripts: bool = False
    """Run no script of the application. If scripts have run is not compared."""

    ignore_platform: bool = False
    """Install also if PHP or an extension is not as a package requires."""

    action: Literal["install", "nothing"] = "install"

    @property
    def locks(self) -> tuple[str, ...]:
        """The lock file."""
        return ("composer.lock",)

    def validate(self) -> None:
        """Check the folders."""
        self.check()
        self.folder_inside("vendor", self.vendor)


composer_install = recipe_function(ComposerInstall)
