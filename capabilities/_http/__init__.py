"""URLs as data, which addresses are public, and connections that go where they were checked to go."""
