"""Sets of questions with their own ways of scoring; each file is one."""
