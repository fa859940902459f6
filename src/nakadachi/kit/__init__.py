"""Machinery with no word of the field: clock, wire, database, the path of a telegram, the door."""
