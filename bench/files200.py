"""Two hundred files of a kilobyte, below a directory that is there."""

from cookbook.resources import file

for number in range(200):
    file(f"/srv/files200/f{number}", content=f"a line of file {number}\n" * 50, mode="0644")
