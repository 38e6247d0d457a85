"""The till's SQL, written out: one named function a question. It knows tables and no rule."""
