"""The permit's clocks: versioned rules as data with their sections cited, and the pure functions that evaluate them.

`rules` is the table, `calendar` the site's working time, `clocks` the deadlines, `rain` the arithmetic of a storm. Deadlines
are always derived from facts and never stored; wherever one is shown, its citation can be shown too.
"""
