-- Every name of an entity, with the number of entities that it stands for.

COPY (
    SELECT name, count(*) AS n
    FROM (
        SELECT unnest(list_transform(entities, lambda entity: entity.mentions[1].name)) AS name
        FROM read_parquet(list_concat(getvariable('raw_documents'), getvariable('new_documents')))
        UNION ALL
        SELECT unnest([head_name, tail_name]) AS name
        FROM read_parquet(getvariable('predictions'))
    )
    GROUP BY name
) TO (getvariable('names')) (FORMAT parquet);
