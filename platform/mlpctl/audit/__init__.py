"""`mlpctl audit` and `mlpctl evidence`: the rules over what is deployed, and the evidence for auditors."""
