"""The SSH transport by the programs of OpenSSH."""
