"""Shell texts that several modules of the profile have."""

AS_ROOT = 'test "$(id -u)" = 0 || { echo "only root sees all of it" >&2; exit 77; }; '
"""The begin of commands that would find too little with the rights of another user."""

BY_SYSTEMD = "systemctl list-units --failed >/dev/null || exit 77; "
"""The begin of commands that would take it for "no" if systemctl cannot ask systemd."""
