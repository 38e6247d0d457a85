"""Headquarters' SQL: one portable schema for SQLite, PostgreSQL and Citus, and named questions."""
