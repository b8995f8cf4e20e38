"""HTTP as bytes: requests read, heads and bodies of answers. No socket here."""
