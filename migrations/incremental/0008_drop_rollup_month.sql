-- Running totals (0007) make of any range of days what whole months of them were for.
DROP TABLE rollup_month;
