-- Where all of it comes from: what was kept out, what checks found, which models were in use.

CREATE TABLE rejected_documents AS
SELECT file, position, title, place, expected, found, remedy
FROM read_parquet(getvariable('rejected'));

COMMENT ON TABLE rejected_documents IS 'Documents that were kept out, and why';
COMMENT ON COLUMN rejected_documents.file IS 'Source file';
COMMENT ON COLUMN rejected_documents.position IS 'Place in the file';
COMMENT ON COLUMN rejected_documents.title IS 'Title of the document';
COMMENT ON COLUMN rejected_documents.place IS 'Where in the document the fault is';
COMMENT ON COLUMN rejected_documents.expected IS 'What should stand there';
COMMENT ON COLUMN rejected_documents.found IS 'What stands there';
COMMENT ON COLUMN rejected_documents.remedy IS 'What to do about it';

COMMENT ON TABLE quality_statistics IS
    'What the data checks of every run found each stage to be like, one number a row';
COMMENT ON COLUMN quality_statistics.run IS 'Id of the run, as in Dagster';
COMMENT ON COLUMN quality_statistics.time IS 'When it was found';
COMMENT ON COLUMN quality_statistics.stage IS
    'annotated, distant, teacher, soft_labels, student, finetuned or predictions';
COMMENT ON COLUMN quality_statistics.statistic IS 'What was counted, see docs/quality.md';
COMMENT ON COLUMN quality_statistics.relation IS 'Relation id; null for all relations together';
COMMENT ON COLUMN quality_statistics.value IS
    'The number; shares and rates from 0 to 1, divergences in bits';

COMMENT ON TABLE training_history IS 'Epochs of the models'' trainings, one a row';
COMMENT ON COLUMN training_history.model IS 'teacher, student or finetuned';
COMMENT ON COLUMN training_history.version IS
    'Digest of the model''s checkpoint and calibration; that of finetuned as in model_history';
COMMENT ON COLUMN training_history.epoch IS 'From 1';
COMMENT ON COLUMN training_history.loss IS 'Mean over steps of the sum of the loss'' terms';
COMMENT ON COLUMN training_history.terms IS
    'Mean over steps of each term by its name: terms[''hard''], terms[''soft''], …';
COMMENT ON COLUMN training_history.dev_f1 IS
    'Micro F1 on dev of the epoch''s weights, from 0 to 1; null where there was no dev document';
COMMENT ON COLUMN training_history.seconds IS 'Training and evaluation since the training began';
COMMENT ON COLUMN training_history.kept IS
    'Whether the model has this epoch''s weights, or those between them and its start''s';
COMMENT ON COLUMN training_history.start_share IS
    'How far the model is from the kept epoch''s weights towards its start''s: 0 is not at all; null for other epochs and where nothing was mixed';

COMMENT ON TABLE model_history IS
    'What became of each fine-tuned model: whether predictions use it, and why';
COMMENT ON COLUMN model_history.time IS 'When it was decided';
COMMENT ON COLUMN model_history.run IS 'Id of the run, as in Dagster';
COMMENT ON COLUMN model_history.event IS
    'promoted: predictions use it from then on; refused: they do not; rolled_back: they do again';
COMMENT ON COLUMN model_history.version IS 'Digest of the model''s checkpoint and calibration';
COMMENT ON COLUMN model_history.champion IS
    'The version that predictions used before; null for the first';
COMMENT ON COLUMN model_history.dev_f1 IS 'Micro F1 of the version on dev, from 0 to 1; where nothing was compared, as it was last judged';
COMMENT ON COLUMN model_history.champion_dev_f1 IS 'The same of the champion';
COMMENT ON COLUMN model_history.difference IS 'F1 that the version gains; negative if it loses';
COMMENT ON COLUMN model_history.low IS 'Lower end of the 95 % interval of the difference';
COMMENT ON COLUMN model_history.high IS 'Upper end';
COMMENT ON COLUMN model_history.worse IS
    'Share of bootstrap samples in which it loses more than it may, from 0 to 1';
COMMENT ON COLUMN model_history.reason IS 'The verdict in words';

COMMENT ON TABLE provenance IS 'What this warehouse was made from';
COMMENT ON COLUMN provenance.name IS 'Name of an input or of a version';
COMMENT ON COLUMN provenance.value IS
    'Its digest or value; of target what predictions had to reach, TH where nothing was asked for';

COMMENT ON TABLE relations IS 'The relation vocabulary; the key is relation';
COMMENT ON COLUMN relations.relation IS 'Relation id';
COMMENT ON COLUMN relations.column_index IS 'Column of the logits; 0 is the threshold class';
COMMENT ON COLUMN relations.name IS 'Human-readable name';
