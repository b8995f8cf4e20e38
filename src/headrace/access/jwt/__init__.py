"""Tokens that an issuer has signed (JWT, RFC 7519): whose they are, and whether they are right. Loaded only where
there is an issuer: the cryptography takes 0.1 s."""
