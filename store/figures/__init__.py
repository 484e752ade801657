"""Reads figures: windows, groups, days, profiles, and the heartbeats behind them.

A figure can be had in five ways, and all five give the same, to the microsecond:

===========  ================================  ========================  =======================
..           edges: what is no whole hour      whole hours of a day      whole days of the
             or of today                       that is over              rollups' zone
===========  ================================  ========================  =======================
one by one   from segments (``pieces.py``)     from segments             daily rollups
                                                                         (``rollups.py``)
all at once  arrays over segments              rolled-up hours           running totals
             (``measured.py``)                 (``hours.py``)            (``sums.py``)
===========  ================================  ========================  =======================

``layout.py`` chooses, before any figure is read. Its `plan_window` parts each window into whole
days and edges; its `lay_out` takes instruments all at once where they are many, the edges are short
and nothing passes 64 bits, else one by one.

- **From segments, one by one**: every other way rests on it. It alone knows settings that change
  within the window, maintenance, gateways that were off, and pieces that an edge cuts; and it
  makes the rollups. It costs a row a piece, up to some hundred a day.
- **Daily rollups**: a year of one instrument is 365 rows, not its pieces. A missing row means
  "from segments", so whatever changes a day has only to forget it.
- **Arrays over segments**: today has no rollup, and a city's today is half a million pieces. Who
  needs more care than arrays have is found out and left to the first way.
- **Rolled-up hours**: they are made with the day's row, forgotten with it, and packed by a
  thousand instruments with the totals (``totals.py``). They are hours from the local midnight of
  the rollups' zone on, so whoever asks by a clock that strikes at other times goes another way.
- **Leads** (``leads.py``) are no sixth way: what lies before the days on which instruments were
  first heard has no rollups, and follows from the registry alone.
- **Running totals**: a year of fifty thousand instruments is 18 million rollups, but as a
  difference of two totals a hundred rows. Newest days whose totals are late are edges; who has a
  day that is marked, or none, is taken one by one.

Which question takes which:

- one instrument's figures and explanations (``figures.py``): rollups, and segments at the edges;
- groups of many (``groups.py``, ``at_once.py``): totals, and arrays at the edges; those of them
  that need care, and all where they are few (``members.py``): as one instrument's;
- each of many instruments' own time in use (``effective.py``): as groups of many;
- bookings held against it (``reconciled.py``): a sum by day of its own (``booking_days.py``), and
  segments at the edges (``judged.py``);
- timelines and sessions (``timeline.py``): segments, since no sum has their order;
- what instruments usually do at a time of the week (``habits.py``): as one instrument's;
- hours of the week: rolled-up hours (``week.py``); segments, by SQL, at the edges, where they are
  few, and for whose clock strikes between (``profile.py``);
- the rollups (``rollups.py: compute_days``): segments alone.

What answers cost either way is in ``costs.py``; that the ways agree is held to by
``tests/integration/api/figures/test_figures_totals.py``.
"""
