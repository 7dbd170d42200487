"""Amounts of money and who gets them, each in one canonical spelling."""
