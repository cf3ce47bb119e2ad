"""Score to samples by a synthesiser of soundfonts, in a child process."""
