"""Connections: sockets, the first byte, HTTP and telnet over them, small posts gathered."""
