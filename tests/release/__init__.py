"""What a release consists of: whether it is the same wherever it is built, what is in it, and where it loads."""
