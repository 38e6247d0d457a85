"""Floor 0 beside `points`: one SQLite, typed settings, words, example rule books. See README.md."""
