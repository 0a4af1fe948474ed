// A table is sorted by the column whose heading is pressed.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];

  const value = (row, column) => row.cells[column].dataset.value ?? "";

  const compare = (one, other) => {
    if (one === "" || other === "") return one === other ? 0 : one === "" ? 1 : -1;
    const difference = Number(one) - Number(other);
    return Number.isNaN(difference) ? one.localeCompare(other) : -difference;
  };

  const sort = (column) => {
    const again = headings[column].ariaSort === "descending";
    const direction = again ? -1 : 1;
    const rows = [...body.rows].sort((a, b) => {
      const [one, other] = [value(a, column), value(b, column)];
      const order = compare(one, other);
      return one === "" || other === "" ? order : direction * order;
    });
    headings.forEach((heading, i) => {
      heading.ariaSort = i !== column ? null : again ? "ascending" : "descending";
    });
    body.append(...rows);
  };

  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(column));
    heading.append(button);
  });
}
