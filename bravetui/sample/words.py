"""The vocabulary of the sample site: people, places, findings, work and weather, as foremen write them."""

from __future__ import annotations

PEOPLE: tuple[tuple[str, str, str, str], ...] = (
    ("Carlos Medina", "Foreman", "foreman", "Sandia Site Works"),
    ("Amy Tran", "Compliance manager", "compliance_manager", "Sandia Site Works"),
    ("Dale Whitcomb", "Superintendent", "project_manager", "Sandia Site Works"),
    ("Rosa Begay", "Foreman", "foreman", "Sandia Site Works"),
    ("Tom Okafor", "Foreman, night shift", "foreman", "Sandia Site Works"),
    ("Lena Sorensen", "Safety manager", "compliance_manager", "Sandia Site Works"),
    ("Miguel Ortega", "Pipe crew lead", "subcontractor", "Ortega Underground"),
    ("Hank Dietz", "Grading lead", "subcontractor", "High Desert Grading"),
    ("Priya Nair", "Project manager", "project_manager", "Sandia Site Works"),
    ("Walt Jensen", "Concrete lead", "subcontractor", "Mesa Concrete"),
)
"""Name, title, role, company. The first is the foreman of the demo, the second the office."""

CONTROLS: tuple[tuple[str, str, str], ...] = (
    ("SF-1 Silt fence, north line", "perimeter", "north property line"),
    ("SF-2 Silt fence, arroyo side", "perimeter", "along the arroyo"),
    ("SF-3 Silt fence, stockpile 2", "perimeter", "around stockpile 2"),
    ("CE-1 Construction exit, Coors Blvd", "construction_exit", "main gate"),
    ("CE-2 Construction exit, haul road", "construction_exit", "south gate"),
    ("IP-1 Inlet protection, Coors Blvd", "inlet_protection", "curb inlet 14"),
    ("IP-2 Inlet protection, lot B", "inlet_protection", "lot B drop inlet"),
    ("IP-3 Inlet protection, lot C", "inlet_protection", "lot C drop inlet"),
    ("SB-1 Sediment basin, south", "sediment_basin", "south-east corner"),
    ("CD-1 Check dams, swale A", "check_dam", "swale A, six dams"),
    ("CD-2 Check dams, swale B", "check_dam", "swale B, four dams"),
    ("WO-1 Concrete washout", "washout", "next to the batch pad"),
    ("CV-1 Erosion blanket, east slope", "cover", "east slope, 2:1"),
    ("SP-1 Stockpile cover, topsoil", "cover", "stockpile 1"),
    ("DW-1 Filter bag, trench pump", "dewatering", "utility trench, sta. 4+50"),
)
"""Name, kind, place."""

AREAS = (
    "building A pad", "building B pad", "lot B", "lot C", "east slope", "haul road", "swale A", "utility trench, sta. 4+50",
    "the detention basin", "the Coors Blvd frontage", "stockpile 2", "the laydown yard",
)  # fmt: skip

CREWS: tuple[tuple[str, str, str], ...] = (
    ("Pipe crew 1", "utilities", "Ortega Underground"),
    ("Pipe crew 2", "utilities", "Ortega Underground"),
    ("Grading crew", "earthwork", "High Desert Grading"),
    ("Fine grading", "earthwork", "High Desert Grading"),
    ("Footings crew", "concrete", "Mesa Concrete"),
    ("Flatwork crew", "concrete", "Mesa Concrete"),
    ("Erosion crew", "stormwater", "Sandia Site Works"),
    ("Survey", "survey", "Rio Layout"),
)

SUBJECTS = (
    "the silt fence", "a section of silt fence", "the inlet filter", "the rock exit", "the check dams", "the basin outlet",
    "the washout liner", "the blanket", "the stockpile cover", "the filter bag", "the perimeter berm", "the riser pipe",
)  # fmt: skip

STATES = (
    "is undercut for about {n} ft", "is down where the loader backed into it", "is holding {n} in of sediment",
    "is clogged and ponding", "is sound", "has been reset and keyed in", "needs new stone", "is torn along the seam",
    "has two posts leaning", "was overtopped by the storm", "is three quarters full", "shows fresh rilling below it",
)  # fmt: skip

DEEDS = (
    "Crew will clean it out before noon.", "Reset posts and trenched the fabric back in.", "Called for two loads of 3 in rock.",
    "Swept the street with the pickup broom, then with water.", "Pumped the washout and ordered a liner.",
    "Rolled out {n} ft of new blanket and stapled it.", "Vacuumed the inlet and set a new filter.",
    "Told the haul drivers to slow down at the exit.", "Nothing to do today.", "Will look at it again after the next rain.",
    "Put {n} sandbags at the low point until it is fixed.", "Took photos for the log.",
)  # fmt: skip

WORK = (
    "set {n} ft of 24 in RCP", "cut the pad to grade", "poured footings on line {n}", "backfilled and tested the trench",
    "placed base course on lot C", "stripped topsoil and hauled it to stockpile 2", "formed curb on the Coors side",
    "installed two manholes", "hydroseeded the east slope", "set check dams in swale B", "placed {n} yd of flowable fill",
    "fine graded the parking rows", "tied rebar for grade beams", "watered the haul road {n} times",
)  # fmt: skip

SUPPLIERS = (
    "Duke City Ready Mix", "Rio Grande Aggregates", "Southwest Pipe & Supply", "Enchantment Erosion Products",
    "Jemez Steel", "Zia Precast",
)  # fmt: skip

MATERIALS = (
    ("24 in RCP class III", "ft"), ("3 in crushed rock", "ton"), ("4000 psi concrete", "yd"), ("base course", "ton"),
    ("silt fence, 100 ft roll", "roll"), ("straw wattle 9 in", "each"), ("#5 rebar", "ton"), ("48 in manhole base", "each"),
    ("hydroseed mix", "bag"), ("diesel", "gal"),
)  # fmt: skip

ALERTS = (
    ("warning", "Open trench at sta. 4+50", "Trench box stays in until backfill. Nobody enters without the competent person."),
    ("warning", "Wind over 30 mph after lunch", "Cranes down at 25. Cover stockpiles before noon."),
    ("info", "New traffic pattern at the main gate", "In by Coors, out by the haul road from Monday."),
    ("stop_work", "Gas line marked at lot C", "No digging within 10 ft of the yellow paint until the utility has been here."),
    ("info", "Heat plan is on", "Water and shade every hour above 95 F. Watch the new hires."),
)  # fmt: skip

CAPTIONS = (
    "Before, looking north", "After repair", "Inlet 14 with new filter", "Basin outlet after the storm", "Track-out on Coors",
    "Washout with new liner", "East slope blanket", "Stockpile 2 covered", "Filter bag at the pump", "Check dam 3, swale A",
)  # fmt: skip
