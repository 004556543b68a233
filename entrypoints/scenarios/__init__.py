"""Files of worked cases: what a loan of these terms comes to, and whether we agree.

One module per kind of case has a function ``compute(case)``: the figures as the rules
of the domain make them, by the names of the file. It raises ``Unsupported`` for terms
that are not offered; any other refusal or error of arithmetic fails the case.
"""
