"""The command line: what the parts do, from a shell."""
