"""What a form is and what an answer may be: templates, their logic, values in words, the permit's clocks. Pure."""
