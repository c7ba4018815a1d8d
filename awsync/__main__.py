"""`python -m awsync` is `awsync`."""

from awsync.cli import main

main()
