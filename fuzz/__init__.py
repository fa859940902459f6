"""Fuzzing: hostile bytes at every place where this program reads what others wrote. It is never imported by it.

`target` says what a target is, `telegrams`, `documents`, `keys` and `tables` hold one small function per parser,
`mutate` changes inputs, `engine` runs one target, `campaign` runs many of them for some minutes.
"""
