// A document: mentions of one entity are tied, a chosen fact shows its ends and its evidence.
"use strict";
{
  const all = (selector) => [...document.querySelectorAll(selector)];
  const mentions = all(".text .mention");
  const triples = all(".triple");
  const entities = all(".entity");
  const sentences = all(".sentence");
  const note = document.querySelector(".pinned");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const tie = (entity) => {
    for (const element of [...mentions, ...entities])
      element.classList.toggle("tied", element.dataset.entity === entity);
  };

  const inSight = (element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  };

  const show = (elements) => {
    if (elements.length && !elements.every(inSight))
      elements[0].scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
  };

  const choose = (triple) => {
    const { head, tail, evidence } = triple ? triple.dataset : {};
    const places = new Set(evidence ? evidence.split(" ") : []);
    for (const each of triples) each.setAttribute("aria-pressed", each === triple);
    for (const mention of mentions) {
      mention.classList.toggle("is-head", mention.dataset.entity === head);
      mention.classList.toggle("is-tail", mention.dataset.entity === tail);
    }
    sentences.forEach((sentence, i) => {
      const shows = places.has(String(i));
      sentence.classList.toggle("is-evidence", shows);
      sentence.querySelector(".place").title = shows ? "evidence" : "";
    });
    if (!triple) return;
    const ends = mentions.filter((mention) => [head, tail].includes(mention.dataset.entity));
    show(places.size ? sentences.filter((_, i) => places.has(String(i))) : ends);
  };

  const pin = (entity) => {
    const name = entity === null ? "" : entities[entity].querySelector(".mention").textContent;
    for (const each of entities) each.setAttribute("aria-pressed", each.dataset.entity === entity);
    for (const item of all(".triples > li"))
      item.hidden = entity !== null && !item.dataset.ends.split(" ").includes(entity);
    note.hidden = entity === null;
    note.textContent = `Only facts about ${name}. Press Escape to see all.`;
    reachable(triples);
  };

  const pinned = () => entities.find((each) => each.getAttribute("aria-pressed") === "true");

  const visible = (items) => items.filter((item) => item.offsetParent !== null);

  // One of many is reached with Tab, the others from there with arrow keys.
  const reachable = (items, chosen) => {
    const first = chosen ?? visible(items)[0];
    for (const item of items) item.tabIndex = item === first ? 0 : -1;
  };

  const STEPS = {
    ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity,
  };

  const rove = (items) => {
    reachable(items);
    for (const item of items)
      item.addEventListener("keydown", (event) => {
        const step = STEPS[event.key];
        if (step === undefined) return;
        event.preventDefault();
        const among = visible(items);
        const at = among.indexOf(item) + step;
        const next = among[Math.min(Math.max(at, 0), among.length - 1)];
        reachable(items, next);
        next.focus();
      });
  };

  const withEntity = (event) => event.target.closest?.("[data-entity]");
  for (const [begin, end] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    document.addEventListener(begin, (event) => {
      const element = withEntity(event);
      if (element) tie(element.dataset.entity);
    });
    document.addEventListener(end, () => tie(null));
  }

  const toggle = (event) => {
    const { entity } = withEntity(event).dataset;
    pin(pinned()?.dataset.entity === entity ? null : entity);
  };

  for (const triple of triples)
    triple.addEventListener("click", () => {
      reachable(triples, triple);
      choose(triple.getAttribute("aria-pressed") === "true" ? null : triple);
    });
  for (const entity of entities) entity.addEventListener("click", toggle);
  for (const mention of mentions) {
    mention.setAttribute("role", "button");
    mention.addEventListener("click", (event) => {
      event.stopPropagation();
      toggle(event);
    });
    mention.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      toggle(event);
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    choose(null);
    pin(null);
  });
  for (const items of [triples, mentions, entities]) rove(items);

  const follow = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (triples.includes(target)) {
      reachable(triples, target);
      target.focus({ preventScroll: true });
      target.scrollIntoView({ block: "nearest" });
      choose(target);
    } else if (entities.includes(target)) {
      const { entity } = target.dataset;
      pin(entity);
      tie(entity);
      show(mentions.filter((mention) => mention.dataset.entity === entity).slice(0, 1));
    }
  };
  addEventListener("hashchange", follow);
  follow();
}
