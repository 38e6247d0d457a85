"""Scanners and printers: bytes, keys and paper. Knows no points. See README.md."""
