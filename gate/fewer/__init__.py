"""Fewer: asking people less often, and less of the same, without asking less of them.

scopes      what a yes may cover beyond the one call
history     what was asked before about such calls
fatigue     how many questions one person is asked in an hour
batch       which open questions may be answered together
propose     a rule, from many equal answers
stats       how people answer

Everything here is pure: it reads calls, questions and cases, and touches nothing outside. Nothing here says yes.
"""
