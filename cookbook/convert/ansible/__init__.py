"""The conversion of Ansible's roles and playbooks."""
