"""Reading a SQL statement so that what was checked is what the server does, and running it on a second line of defence."""
