"""A sample country on one machine: founded, run, prepared, shown."""
