"""Names of hosts, without a URL around them."""
