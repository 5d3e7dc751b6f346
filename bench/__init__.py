"""What `make bench` measures: cook beside `ssh host true`, pyinfra and Ansible."""
