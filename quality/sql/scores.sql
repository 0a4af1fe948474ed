-- How good the models are and how they were trained.

CREATE TABLE evaluation AS
SELECT model, split, slice, relation, metric, value, low, high
FROM read_parquet(getvariable('evaluation'));

COMMENT ON TABLE evaluation IS 'Scores of each model on each labelled split, one a row';
COMMENT ON COLUMN evaluation.model IS 'teacher, student or finetuned';
COMMENT ON COLUMN evaluation.split IS 'Split that it was scored on';
COMMENT ON COLUMN evaluation.slice IS
    'Which triples count: all, relation (those of one), frequent, long_tail, intra_sentence, …';
COMMENT ON COLUMN evaluation.relation IS 'Relation id in the slice relation, else null';
COMMENT ON COLUMN evaluation.metric IS 'Name of the score, such as f1 or ign_f1_annotated';
COMMENT ON COLUMN evaluation.value IS 'From 0 to 1; counts for gold, predicted and correct';
COMMENT ON COLUMN evaluation.low IS
    'Lower end of its 95 % interval over draws of documents; null where none is told';
COMMENT ON COLUMN evaluation.high IS 'Upper end';

CREATE VIEW scores AS
SELECT
    model,
    split,
    max(value) FILTER (slice = 'all' AND metric = 'f1') AS f1,
    max(low) FILTER (slice = 'all' AND metric = 'f1') AS f1_low,
    max(high) FILTER (slice = 'all' AND metric = 'f1') AS f1_high,
    max(value) FILTER (slice = 'all' AND metric = 'ign_f1_annotated') AS ign_f1,
    max(value) FILTER (slice = 'all' AND metric = 'precision') AS precision,
    max(value) FILTER (slice = 'all' AND metric = 'recall') AS recall,
    max(value) FILTER (slice = 'all' AND metric = 'evidence_f1') AS evidence_f1,
    max(value) FILTER (slice = 'frequent' AND metric = 'f1') AS f1_frequent,
    max(value) FILTER (slice = 'long_tail' AND metric = 'f1') AS f1_long_tail,
    max(value) FILTER (slice = 'intra_sentence' AND metric = 'f1') AS f1_intra_sentence,
    max(value) FILTER (slice = 'inter_sentence' AND metric = 'f1') AS f1_inter_sentence
FROM evaluation
GROUP BY model, split;

COMMENT ON VIEW scores IS 'The main scores of evaluation side by side';
COMMENT ON COLUMN scores.model IS 'teacher, student or finetuned';
COMMENT ON COLUMN scores.split IS 'Split that it was scored on';
COMMENT ON COLUMN scores.f1 IS 'Micro F1, from 0 to 1';
COMMENT ON COLUMN scores.f1_low IS 'Lower end of its 95 % interval';
COMMENT ON COLUMN scores.f1_high IS 'Upper end';
COMMENT ON COLUMN scores.ign_f1 IS 'F1 without facts that the annotated training documents state';
COMMENT ON COLUMN scores.precision IS 'Share of the predictions that are right';
COMMENT ON COLUMN scores.recall IS 'Share of the labels that are found';
COMMENT ON COLUMN scores.evidence_f1 IS 'F1 of evidence sentences';
COMMENT ON COLUMN scores.f1_frequent IS 'F1 of the frequent relations';
COMMENT ON COLUMN scores.f1_long_tail IS 'F1 of the others';
COMMENT ON COLUMN scores.f1_intra_sentence IS 'F1 of pairs that some sentence mentions both of';
COMMENT ON COLUMN scores.f1_inter_sentence IS 'F1 of the others';

CREATE VIEW relation_scores AS
SELECT
    model,
    split,
    relation,
    relations.name AS relation_name,
    max(value) FILTER (metric = 'f1') AS f1,
    max(value) FILTER (metric = 'precision') AS precision,
    max(low) FILTER (metric = 'precision') AS precision_low,
    max(high) FILTER (metric = 'precision') AS precision_high,
    max(value) FILTER (metric = 'recall') AS recall,
    max(low) FILTER (metric = 'recall') AS recall_low,
    max(high) FILTER (metric = 'recall') AS recall_high,
    max(value) FILTER (metric = 'gold')::INTEGER AS gold,
    max(value) FILTER (metric = 'predicted')::INTEGER AS predicted,
    max(value) FILTER (metric = 'correct')::INTEGER AS correct
FROM evaluation JOIN relations USING (relation)
WHERE slice = 'relation'
GROUP BY ALL;

COMMENT ON VIEW relation_scores IS 'The scores of each relation side by side';
COMMENT ON COLUMN relation_scores.model IS 'teacher, student or finetuned';
COMMENT ON COLUMN relation_scores.split IS 'Split that it was scored on';
COMMENT ON COLUMN relation_scores.relation IS 'Relation id, as in relations';
COMMENT ON COLUMN relation_scores.relation_name IS 'Human-readable relation';
COMMENT ON COLUMN relation_scores.f1 IS 'F1 of its triples, from 0 to 1';
COMMENT ON COLUMN relation_scores.precision IS 'Share of the predictions that are right';
COMMENT ON COLUMN relation_scores.precision_low IS 'Lower end of its 95 % interval';
COMMENT ON COLUMN relation_scores.precision_high IS 'Upper end';
COMMENT ON COLUMN relation_scores.recall IS 'Share of the labels that are found';
COMMENT ON COLUMN relation_scores.recall_low IS 'Lower end of its 95 % interval';
COMMENT ON COLUMN relation_scores.recall_high IS 'Upper end';
COMMENT ON COLUMN relation_scores.gold IS 'Number of labels';
COMMENT ON COLUMN relation_scores.predicted IS 'Number of predictions';
COMMENT ON COLUMN relation_scores.correct IS 'Number of predictions that are right';
