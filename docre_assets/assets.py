"""All assets, from source files to the report."""

from docre_assets.arrival_assets import distant_arrivals, new_documents
from docre_assets.corpus_assets import (
    annotated_documents,
    distant_documents,
    knowledge_base,
    raw_documents,
)
from docre_assets.model_assets import finetuned_model, soft_labels, student_model, teacher_model
from docre_assets.production_assets import production_model
from docre_assets.report_assets import report
from docre_assets.serving_assets import evaluation, new_predictions, predictions, warehouse

ASSETS = [
    distant_arrivals,
    raw_documents,
    knowledge_base,
    annotated_documents,
    distant_documents,
    teacher_model,
    soft_labels,
    student_model,
    finetuned_model,
    evaluation,
    production_model,
    predictions,
    new_documents,
    new_predictions,
    warehouse,
    report,
]
