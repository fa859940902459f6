"""`python -m nakadachi`: the command line."""

from nakadachi.cli import main

main()
