"""`python -m awsync` is `awsync`."""

from awsync.cli.main import main

main()
