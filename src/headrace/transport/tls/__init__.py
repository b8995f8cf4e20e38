"""TLS between the sockets and the connections: certificates, handshakes, what is sealed and opened."""
