"""Devices that do not exist and speak the real protocols, over real sockets and pseudo-terminals."""
