// Entities, relations, facts and documents whose names hold all words of the query.
"use strict";
{
  const { documents, relations, entities, facts } = window.docreIndex;
  const AT_MOST = 20;
  const field = document.getElementById("search");
  const found = document.getElementById("found");
  const results = document.getElementById("results");

  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const link = (href, text) => make("a", { href, textContent: text });
  const small = (text) => make("small", { textContent: text });

  const entity = ([name, type, places]) => {
    const item = make("li", {}, make("b", { textContent: name }), " ", small(type || "untyped"));
    const list = make("span", { className: "places" });
    for (const [place, number] of places.slice(0, 6))
      list.append(link(`${documents[place][2]}#entity-${number}`, documents[place][0]), " ");
    if (places.length > 6) list.append(small(`and ${places.length - 6} more`));
    item.append(list);
    return item;
  };

  const fact = ([head, relation, tail, sure, place, number]) =>
    make(
      "li",
      {},
      link(`${documents[place][2]}#triple-${number}`, `${head} → ${relations[relation][0]} → ${tail}`),
      " ",
      small(`${sure} · ${documents[place][0]}`),
    );

  // Names that begin with the query come first; the index has the rest in a sensible order.
  const matches = (rows, names, query) => {
    const words = query.split(/\s+/);
    const places = rows.map((_, i) => i).filter((i) => words.every((word) => names[i].includes(word)));
    const later = (i) => !names[i].startsWith(query);
    return places.sort((a, b) => later(a) - later(b)).map((i) => rows[i]);
  };

  const GROUPS = [
    ["relation", "Relations", relations, ([name, id]) => `${name} ${id}`,
      ([name, id, page]) => make("li", {}, link(page, name), " ", small(id))],
    ["entity", "Entities", entities, ([name]) => name, entity],
    ["fact", "Facts", facts, ([head, relation, tail]) => `${head} ${relations[relation][0]} ${tail}`, fact],
    ["document", "Documents", documents, ([title]) => title,
      ([title, split, page]) => make("li", {}, link(page, title), " ", small(split))],
  ].map(([one, title, rows, named, item]) => {
    const names = rows.map((row) => fold(named(row)));
    return { one, title, item, matching: (query) => matches(rows, names, query) };
  });

  const section = ({ title, item, rows }) => {
    const heading = make("h2", { textContent: `${title} ` });
    heading.append(make("span", { className: "many", textContent: rows.length }));
    const list = make("ul", { className: "results" }, ...rows.slice(0, AT_MOST).map(item));
    const more = rows.length > AT_MOST ? [small(`and ${rows.length - AT_MOST} more`)] : [];
    return make("section", {}, heading, list, ...more);
  };

  const told = (query, groups) => {
    if (!query) return "Type the name of an entity, a relation or a document.";
    if (!groups.length) return `Nothing in this report is called “${field.value.trim()}”.`;
    return groups
      .map(({ one, title, rows: { length } }) => `${length} ${length === 1 ? one : title.toLowerCase()}`)
      .join(", ");
  };

  const search = () => {
    const query = fold(field.value.trim());
    const groups = query ? GROUPS.map((group) => ({ ...group, rows: group.matching(query) })) : [];
    const hits = groups.filter(({ rows }) => rows.length);
    results.replaceChildren(...hits.map(section));
    found.textContent = told(query, hits);
  };

  field.value = new URLSearchParams(location.search).get("q") ?? field.value;
  field.addEventListener("input", search);
  field.form.addEventListener("submit", (event) => event.preventDefault());
  search();
  field.focus();
}
