"""The files that existing systems bring and take; nothing here opens a file, a database or a clock."""
