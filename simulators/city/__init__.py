"""Who and where: the simulated city, its instruments and how they are used."""
