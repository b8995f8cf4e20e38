"""The rooms: one package a protocol, none imports another."""
