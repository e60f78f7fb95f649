"""Figures: facts of cases, roll-ups, appraisal, the bulletin, and what was published."""
