"""個人番号カード (stand-in): a file that takes the real card's commands, its counter, its agent for browsers (R4)."""
