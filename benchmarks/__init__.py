"""How fast the engines are, beside their peers, on hashes like those of real photos."""
