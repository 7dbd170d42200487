"""What `capabilities.shell` needs: a lexer, what programs do with their options as data, and the judge that joins them."""
