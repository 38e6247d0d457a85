"""One step after another, from an empty database to this version's."""
