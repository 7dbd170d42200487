"""What the e-mail kind needs: addresses, messages, sending."""
