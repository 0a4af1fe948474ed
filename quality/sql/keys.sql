-- Keys that cost nothing: those of small tables. See quality/integrity.py for the others.

ALTER TABLE provenance ADD PRIMARY KEY (name);
ALTER TABLE training_history ADD PRIMARY KEY (model, epoch);
