"""The SSH transport by paramiko: link, host key, login, shell."""
