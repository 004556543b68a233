"""How the lender's own work proceeds: business days."""
