"""`python -m bench`: all benchmarks, one after the other."""

from bench import exchange, restore

exchange.main()
restore.main()
