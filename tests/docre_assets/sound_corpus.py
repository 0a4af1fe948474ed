"""A corpus that is sound, if small: what a fault in it or in what is made from it stands out from.

Entities stand in another order in each article, one article in ten tells of a death too, and the
knowledge base misses facts and has some that no article states.
"""

import random
from pathlib import Path
from typing import Any

from little_corpus import NAMES, article, write_corpus

DEATH = "P20"
TRAIN, DEV, TEST, UNLABELLED = range(120), range(200, 230), range(300, 330), range(400, 520)
MISSED = 0.2
"""Share of facts that the knowledge base lacks."""


def told(number: int) -> dict[str, Any]:
    """An article with its labels; its entities are in an order of its own."""
    document = article(number)
    if number % 10 == 0:
        person = f"Person{number}"
        document["sents"].append([person, "died", "in", f"City{number}", "."])
        mention = {"name": person, "sent_id": 2, "pos": [0, 1], "type": "PER"}
        document["vertexSet"][0].append(mention)
        document["labels"].append({"h": 0, "t": 1, "r": DEATH, "evidence": [2]})
    order = random.Random(number).sample(range(3), 3)
    place = {old: new for new, old in enumerate(order)}
    document["vertexSet"] = [document["vertexSet"][old] for old in order]
    for label in document["labels"]:
        label["h"], label["t"] = place[label["h"]], place[label["t"]]
    return document


def facts(numbers: range) -> list[list[str]]:
    """What the knowledge base holds of some articles."""
    draw = random.Random(5)
    return [fact for n in numbers for fact in _stated(told(n)) if draw.random() >= MISSED]


def _stated(document: dict[str, Any]) -> list[list[str]]:
    names = [mentions[0]["name"] for mentions in document["vertexSet"]]
    return [[names[x["h"]], names[x["t"]], x["r"]] for x in document["labels"]]


def write_sound_corpus(folder: Path) -> Path:
    """All of it as a corpus folder."""
    unlabelled = [{k: v for k, v in told(n).items() if k != "labels"} for n in UNLABELLED]
    return write_corpus(
        folder,
        train_annotated=[told(n) for n in TRAIN],
        dev=[told(n) for n in DEV],
        test=[told(n) for n in TEST],
        unlabelled=unlabelled,
        knowledge_base=facts(UNLABELLED) + facts(TRAIN),
        rel_info=NAMES | {DEATH: "place of death"},
    )
