"""Fuzzing: mutants of every file rogi reads, hostile files, kills; `make fuzz` runs it all, pytest a part."""
