"""Recipes made of Ansible's roles and playbooks, and of Chef's cookbooks: `cook convert`."""
