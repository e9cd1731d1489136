"""One verb a file: what a stage wants, and what it does beyond making that so."""
