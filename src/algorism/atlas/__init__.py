"""The pages: what was measured, for people who would rather look than read numbers.

`report` writes the page of one run, or of several side by side.
"""
