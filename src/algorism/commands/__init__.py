"""The commands of the command line, one file per subject. Each is a few lines that call a part."""
