"""What a form is and what an answer may be: templates, their logic, the words of values, and the permit's clocks. Pure."""
