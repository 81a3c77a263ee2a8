"""The portal: accounts, submission, live pages, administration and the rows that hold the truth."""
