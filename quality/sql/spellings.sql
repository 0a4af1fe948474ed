-- Names with their key: what they are compared by, as a text and as a number. Of the spellings of a
-- key one is shown, the most frequent and among equals the first by its letters.

CREATE TEMP TABLE spellings AS
SELECT
    name,
    name_key,
    dense_rank() OVER (ORDER BY name_key) AS name_id,
    row_number() OVER (PARTITION BY name_key ORDER BY n DESC, name) = 1 AS shown
FROM read_parquet(getvariable('spellings'));
